import keras

from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention.differential_attention import DifferentialAttention
from dl_techniques.layers.ffn.swiglu_ffn import SwiGLUFFN
from dl_techniques.layers.norms.rms_norm import RMSNorm
from dl_techniques.layers.regularization.stochastic_depth import StochasticDepth


@serializable
class DifferentialTransformerBlock(keras.layers.Layer):
    """One layer of a differential transformer: a LLaMA layer whose attention subtracts two softmax maps.

    Formula: `y = x + drop_path(attention(norm(x)))`, `z = y + drop_path(ffn(norm(y)))`, where `attention` is
    `DifferentialAttention`, `ffn` is `SwiGLUFFN` and each `norm` is an `RMSNorm` of its own, with an epsilon of 1e-6.

    Args:
        dim: int, size of the features.
        num_heads: int, number of attention heads; half as many as an ordinary transformer of as many weights has.
        num_kv_heads: int, number of heads of keys and values; divides `num_heads`. `None` means `num_heads`.
        head_dim: int, size of each of a head's two queries and keys. `None` means `dim / (2 * num_heads)`.
        max_seq_len: int, number of positions that the rotary position embedding knows.
        rope_percentage: float in [0, 1], fraction of the features of queries and keys that a rotary position embedding
            turns: all of them in the authors' language models. The default is 0, no position embedding.
        rope_theta: float > 0, base of its frequencies.
        ffn_expansion_factor: int, how much wider an ungated network of as many weights would be.
        ffn_multiple_of: int, what the hidden width of the network is a multiple of.
        dropout_rate: float in [0, 1), dropout of what attention and the network return.
        attention_dropout_rate: float in [0, 1), dropout of the difference of the maps.
        drop_path_rate: float in [0, 1), the probability of dropping a branch for a sample.
        layer_idx: int >= 0, depth of the block in its model, counted from 0; it decides how much of the second map is
            subtracted at first.
        kernel_initializer: initializer of the kernels.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch, length, dim)`.
        attention_mask: boolean tensor `(batch, length, length)` or `(batch, heads, length, length)`, true where a
            query (row) may look at a key (column).
        use_causal_mask: bool, whether to hide later positions.
        mask: boolean tensor `(batch, length)`, Keras' automatic padding mask; hides keys.
        training: bool, whether to apply dropout.

    Input shape:
        `(batch, length, dim)`.

    Output shape:
        Same as the input.

    Example:

    >>> block = DifferentialTransformerBlock(dim=16, num_heads=2, layer_idx=3)
    >>> tuple(block(keras.random.normal((2, 10, 16)), use_causal_mask=True).shape)
    (2, 10, 16)

    References:
        Ye et al., "Differential Transformer", arXiv:2410.05258
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        head_dim: int | None = None,
        max_seq_len: int = 2048,
        rope_percentage: float = 0.0,
        rope_theta: float = 10000.0,
        ffn_expansion_factor: int = 4,
        ffn_multiple_of: int = 256,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        layer_idx: int = 0,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.dim = dim
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads
        self.head_dim = head_dim
        self.max_seq_len = max_seq_len
        self.rope_percentage = rope_percentage
        self.rope_theta = rope_theta
        self.ffn_expansion_factor = ffn_expansion_factor
        self.ffn_multiple_of = ffn_multiple_of
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.layer_idx = layer_idx
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True

        dtype = self.dtype_policy
        self.attention_norm = RMSNorm(name="attention_norm", dtype=dtype)
        self.attention = DifferentialAttention(
            dim,
            num_heads,
            num_kv_heads=num_kv_heads,
            head_dim=head_dim,
            max_seq_len=max_seq_len,
            rope_percentage=rope_percentage,
            rope_theta=rope_theta,
            dropout_rate=dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            layer_idx=layer_idx,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            seed=seed,
            name="attention",
            dtype=dtype,
        )
        self.drop_path1 = StochasticDepth(drop_path_rate, derived_seed(seed, 2), name="drop_path1", dtype=dtype)
        self.ffn_norm = RMSNorm(name="ffn_norm", dtype=dtype)
        self.ffn = SwiGLUFFN(
            dim,
            ffn_expansion_factor,
            ffn_multiple_of=ffn_multiple_of,
            dropout_rate=dropout_rate,
            kernel_initializer=fresh(self.kernel_initializer, 4),  # Attention has four kernels.
            kernel_regularizer=self.kernel_regularizer,
            seed=derived_seed(seed, 3),
            name="ffn",
            dtype=dtype,
        )
        self.drop_path2 = StochasticDepth(drop_path_rate, derived_seed(seed, 4), name="drop_path2", dtype=dtype)

    def build(self, input_shape):
        for part in (self.attention, self.attention_norm, self.ffn_norm, self.ffn):
            part.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, attention_mask=None, use_causal_mask=False, mask=None, training=None):
        attended = self.attention(
            self.attention_norm(inputs),
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            mask=mask,
            training=training,
        )
        x = inputs + self.drop_path1(attended, training=training)
        return x + self.drop_path2(self.ffn(self.ffn_norm(x), training=training), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape
