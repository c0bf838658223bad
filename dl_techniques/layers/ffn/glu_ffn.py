import keras

from dl_techniques._checks import check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation


@serializable
class GLUFFN(FeedForward):
    """Feed-forward network with a gated linear unit: one projection decides how much of another one passes.

    Formula: `y = W_o dropout(activation(W_g x + b_g) * (W_v x + b_v)) + b_o`

    The activation names the variant: "sigmoid" is GLU, "linear" Bilinear, "relu" ReGLU, "gelu" GEGLU, "silu" SwiGLU.
    The paper has no biases, and takes a `hidden_dim` of two thirds of what an ungated network has, to keep the number
    of weights.

    Args:
        hidden_dim: int, size of the gated features.
        output_dim: int, size of the output features.
        activation: activation of the gate.
        dropout_rate: float in [0, 1), dropout of the gated features.
        use_bias: bool, whether the three projections have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropout.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., output_dim)`.

    Example:

    >>> layer = GLUFFN(hidden_dim=32, output_dim=16, activation="gelu")
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 16)

    References:
        Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202
    """

    def __init__(
        self,
        hidden_dim: int,
        output_dim: int,
        *,
        activation="sigmoid",
        dropout_rate: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        check_positive_int(hidden_dim=hidden_dim, output_dim=output_dim)
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.activation = named_activation(activation=activation)

        self.gate_proj = self._dense(hidden_dim, "gate_proj", 0)
        self.value_proj = self._dense(hidden_dim, "value_proj", 1)
        self.dropout = self._dropout("dropout")
        self.output_proj = self._dense(output_dim, "output_proj", 2)

    def build(self, input_shape):
        super().build(input_shape)
        self.gate_proj.build(input_shape)
        self.value_proj.build(input_shape)
        self.output_proj.build((*input_shape[:-1], self.hidden_dim))

    def call(self, inputs, training=None):
        gated = self.activation(self.gate_proj(inputs)) * self.value_proj(inputs)
        return self.output_proj(self.dropout(gated, training=training))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_dim)
