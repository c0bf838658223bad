import keras

from dl_techniques._checks import check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation


@serializable
class ResidualBlock(FeedForward):
    """A small network beside a linear layer: what it cannot express linearly it adds to the linear part.

    Common in forecasting models, where patches are mapped to embeddings of another size, so that a plain residual
    connection does not fit.

    Formula: `y = W_o dropout(activation(W_h x + b_h)) + b_o + W_r x + b_r`

    Args:
        hidden_dim: int, size of the features in between.
        output_dim: int, size of the output features.
        dropout_rate: float in [0, 1), dropout after the activation.
        activation: activation of the hidden layer.
        use_bias: bool, whether the three layers have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        bias_regularizer: regularizer of the biases, or None.
        seed: int or None, seed of the dropout.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., output_dim)`.

    Example:

    >>> layer = ResidualBlock(hidden_dim=32, output_dim=8)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 8)

    References:
        Auer et al., "TiRex: Zero-Shot Forecasting Across Long and Short Horizons with Enhanced In-Context Learning",
        arXiv:2505.23719; Das et al., "Long-term Forecasting with TiDE: Time-series Dense Encoder", arXiv:2304.08424,
        whose block ends with a layer normalization.
    """

    def __init__(
        self,
        hidden_dim: int,
        output_dim: int,
        *,
        dropout_rate: float = 0.0,
        activation="relu",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            seed=seed,
            **kwargs,
        )
        check_positive_int(hidden_dim=hidden_dim, output_dim=output_dim)
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.activation = named_activation(activation=activation)

        self.hidden_layer = self._dense(hidden_dim, "hidden_layer", 0)
        self.dropout = self._dropout("dropout")
        self.output_layer = self._dense(output_dim, "output_layer", 1)
        self.residual_layer = self._dense(output_dim, "residual_layer", 2)

    def build(self, input_shape):
        super().build(input_shape)
        self.hidden_layer.build(input_shape)
        self.output_layer.build((*input_shape[:-1], self.hidden_dim))
        self.residual_layer.build(input_shape)

    def call(self, inputs, training=None):
        hidden = self.dropout(self.activation(self.hidden_layer(inputs)), training=training)
        return self.output_layer(hidden) + self.residual_layer(inputs)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_dim)
