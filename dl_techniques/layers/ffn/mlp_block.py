import keras

from dl_techniques._checks import check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._two_dense import TwoDense


@serializable
class MLPBlock(TwoDense):
    """The feed-forward network of a transformer: expand each token, apply an activation, project.

    It works on each position alone, and holds about two thirds of the weights of a usual transformer.

    Formula: `y = dropout(W2 dropout(activation(W1 x + b1)) + b2)`

    Args:
        hidden_dim: int, size of the features in between; usually four times that of the input.
        output_dim: int, size of the output features.
        activation: activation between the two layers; "gelu" is the exact one.
        dropout_rate: float in [0, 1), dropout after each of the two layers.
        use_bias: bool, whether the layers have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropouts.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., output_dim)`.

    Example:

    >>> layer = MLPBlock(hidden_dim=64, output_dim=16)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 16)

    References:
        Vaswani et al., "Attention Is All You Need", arXiv:1706.03762
    """

    def __init__(
        self,
        hidden_dim: int,
        output_dim: int,
        *,
        activation="gelu",
        dropout_rate: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            hidden_dim,
            activation=activation,
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        check_positive_int(output_dim=output_dim)
        self.output_dim = output_dim

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_dim)
