import keras
from keras import ops

from dl_techniques._checks import check_last_axis, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward


@serializable
class SwiGLUFFN(FeedForward):
    """The feed-forward network of LLaMA: a SiLU gate, no biases, and a width that keeps the number of weights.

    Formula: `y = dropout(W_down (silu(W_gate x) * (W_up x)))`

    Three kernels of `2/3 ffn_expansion_factor d_model` features have the weights of the two of an ungated network.
    That width is rounded down to an integer, then up to a multiple of `ffn_multiple_of`; `hidden_dim` tells it.

    Args:
        d_model: int, size of the features.
        ffn_expansion_factor: int, how much wider an ungated network of as many weights would be.
        ffn_multiple_of: int, what the hidden width is a multiple of.
        dropout_rate: float in [0, 1), dropout of the output.
        use_bias: bool, whether the three projections have biases.
        kernel_initializer: initializer of the kernels.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropout.

    Input shape:
        `(batch, ..., d_model)`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = SwiGLUFFN(d_model=192)
    >>> tuple(layer(keras.random.normal((2, 10, 192))).shape), layer.hidden_dim
    ((2, 10, 192), 512)

    References:
        Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202; the width is that of Touvron et al., "LLaMA:
        Open and Efficient Foundation Language Models", arXiv:2302.13971
    """

    def __init__(
        self,
        d_model: int,
        ffn_expansion_factor: int = 4,
        *,
        ffn_multiple_of: int = 256,
        dropout_rate: float = 0.0,
        use_bias: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        check_positive_int(d_model=d_model, ffn_expansion_factor=ffn_expansion_factor, ffn_multiple_of=ffn_multiple_of)
        self.d_model = d_model
        self.ffn_expansion_factor = ffn_expansion_factor
        self.ffn_multiple_of = ffn_multiple_of

        self.gate_proj = self._dense(self.hidden_dim, "gate_proj", 0)
        self.up_proj = self._dense(self.hidden_dim, "up_proj", 1)
        self.down_proj = self._dense(d_model, "down_proj", 2)
        self.dropout = self._dropout("dropout")

    @property
    def hidden_dim(self) -> int:
        """Size of the gated features."""
        width = max(2 * self.d_model * self.ffn_expansion_factor // 3, 1)
        return -(-width // self.ffn_multiple_of) * self.ffn_multiple_of

    def build(self, input_shape):
        super().build(input_shape)
        check_last_axis(input_shape, d_model=self.d_model)
        self.gate_proj.build(input_shape)
        self.up_proj.build(input_shape)
        self.down_proj.build((*input_shape[:-1], self.hidden_dim))

    def call(self, inputs, training=None):
        gated = ops.silu(self.gate_proj(inputs)) * self.up_proj(inputs)
        return self.dropout(self.down_proj(gated), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape
