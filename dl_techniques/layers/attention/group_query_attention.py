import keras

from dl_techniques._checks import check_divisible, check_last_axis, check_positive_int, check_rank, check_rate
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._core import (
    attend,
    explicit_mask,
    join_masks,
    merge_heads,
    padding_mask,
    split_heads,
)
from dl_techniques.layers.embedding.rotary_position_embedding import RotaryPositionEmbedding


@serializable
class GroupQueryAttention(keras.layers.Layer):
    """Self-attention in which groups of query heads share one key and value head, with rotary positions.

    Fewer key and value heads shrink what a decoder has to cache, at little cost in quality. `num_kv_heads=num_heads`
    is multi-head attention, `num_kv_heads=1` is multi-query attention.

    Formula: `softmax(R(q_i) R(k_j)^T / sqrt(head_dim)) v_j` for the query heads `i` in `[j g, (j + 1) g)`, where
    `g = num_heads / num_kv_heads`, `head_dim = dim / num_heads` and `R` is the rotary position embedding.

    Args:
        dim: int, size of the features.
        num_heads: int, number of query heads; divides `dim`.
        num_kv_heads: int, number of key and value heads; divides `num_heads`.
        max_seq_len: int, number of positions that the rotary position embedding knows.
        dropout_rate: float in [0, 1), dropout of the attention weights.
        rope_percentage: float in [0, 1], fraction of each head's features that the rotary position embedding turns;
            0 means no position embedding.
        use_bias: bool, whether the four projections have biases.
        kernel_initializer: initializer of the four projections.
        kernel_regularizer: regularizer of the four projections, or None.
        seed: int or `None`, seed of the dropout.

    Call arguments:
        inputs: tensor `(batch, length, dim)`.
        attention_mask: boolean tensor `(batch, length, length)` or `(batch, heads, length, length)`, true where a
            query (row) may look at a key (column). A query that may look at nothing gets zeros.
        use_causal_mask: bool, whether to hide later positions.
        mask: boolean tensor `(batch, length)`, Keras' automatic padding mask; hides keys.
        training: bool, whether to apply dropout.

    Input shape:
        `(batch, length, dim)`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = GroupQueryAttention(dim=16, num_heads=4, num_kv_heads=2, max_seq_len=10)
    >>> tuple(layer(keras.random.normal((2, 10, 16)), use_causal_mask=True).shape)
    (2, 10, 16)

    References:
        Ainslie et al., "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
        arXiv:2305.13245
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        num_kv_heads: int,
        max_seq_len: int = 2048,
        dropout_rate: float = 0.0,
        rope_percentage: float = 1.0,
        use_bias: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads, num_kv_heads=num_kv_heads, max_seq_len=max_seq_len)
        check_divisible(dim=dim, num_heads=num_heads)
        check_divisible(num_heads=num_heads, num_kv_heads=num_kv_heads)
        check_rate(dropout_rate=dropout_rate)
        if not 0 <= rope_percentage <= 1:
            raise ValueError(f"`rope_percentage` must lie in [0, 1]. Received: rope_percentage={rope_percentage}")
        self.dim = dim
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads
        self.max_seq_len = max_seq_len
        self.dropout_rate = dropout_rate
        self.rope_percentage = rope_percentage
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True

        self._head_dim = dim // num_heads
        kv_width, dtype = num_kv_heads * self._head_dim, self.dtype_policy
        self.query_projection = self._projection(dim, "query", 0)
        self.key_projection = self._projection(kv_width, "key", 1)
        self.value_projection = self._projection(kv_width, "value", 2)
        self.output_projection = self._projection(dim, "output", 3)
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=dtype)
        self.rope = None
        if rope_percentage > 0:
            self.rope = RotaryPositionEmbedding(
                self._head_dim, max_seq_len, rope_percentage=rope_percentage, name="rope", dtype=dtype
            )

    def build(self, input_shape):
        check_rank(input_shape, 3)
        check_last_axis(input_shape, dim=self.dim)
        self.query_projection.build(input_shape)
        self.key_projection.build(input_shape)
        self.value_projection.build(input_shape)
        self.output_projection.build(input_shape)
        if self.rope is not None:
            self.rope.build((input_shape[0], self.num_heads, input_shape[1], self._head_dim))
        super().build(input_shape)

    def call(self, inputs, attention_mask=None, use_causal_mask=False, mask=None, training=None):
        query = split_heads(self.query_projection(inputs), self.num_heads)
        key = split_heads(self.key_projection(inputs), self.num_kv_heads)
        value = split_heads(self.value_projection(inputs), self.num_kv_heads)
        if self.rope is not None:
            query, key = self.rope.rotate(query, axis=-3), self.rope.rotate(key, axis=-3)
        heads = attend(
            query,
            key,
            value,
            mask=join_masks(explicit_mask(attention_mask), padding_mask(mask)),
            is_causal=use_causal_mask,
            dropout=self.dropout,
            training=training,
        )
        return self.output_projection(merge_heads(heads))

    def compute_output_shape(self, input_shape):
        return input_shape

    def _projection(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
