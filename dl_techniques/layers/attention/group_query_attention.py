from collections.abc import Mapping

import keras

from dl_techniques._checks import (
    check_divisible,
    check_last_axis,
    check_positive_int,
    check_rank,
    check_rate,
)
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import (
    attend,
    explicit_mask,
    join_masks,
    merge_heads,
    padding_mask,
    split_heads,
)
from dl_techniques.layers.embedding.rotary_position_embedding import RotaryPositionEmbedding, check_rope
from dl_techniques.layers.norms.rms_norm import RMSNorm


@serializable
class GroupQueryAttention(AttentionLayer):
    """Self-attention in which groups of query heads share one key and value head, with rotary positions.

    Fewer key and value heads shrink what a decoder has to cache, at little cost in quality. `num_kv_heads=num_heads`
    is multi-head attention, `num_kv_heads=1` is multi-query attention.

    Formula: `softmax(R(q_i) R(k_j)^T / sqrt(head_dim)) v_j` for the query heads `i` in `[j g, (j + 1) g)`, where
    `g = num_heads / num_kv_heads` and `R` is the rotary position embedding; with `use_qk_norm`, `R(RMSNorm(q))` and
    `R(RMSNorm(k))` stand for `R(q)` and `R(k)`.

    Args:
        dim: int, size of the features.
        num_heads: int, number of query heads; divides `dim` unless `head_dim` is given.
        num_kv_heads: int, number of key and value heads; divides `num_heads`.
        head_dim: int, size of a head. `None` means `dim / num_heads`.
        use_qk_norm: bool, whether the queries, and the keys, of each head are normalized by an `RMSNorm` with an
            epsilon of 1e-6 and one gain a feature, the same for all heads.
        max_seq_len: int, number of positions that the rotary position embedding knows.
        dropout_rate: float in [0, 1), dropout of the attention weights.
        rope_percentage: float in [0, 1], fraction of each head's features that the rotary position embedding turns;
            0 means no position embedding.
        rope_theta: float > 0, base of the frequencies: 10000 in RoFormer and LLaMA 2, 500000 in LLaMA 3.
        rope_interleaved: bool, whether neighbouring features are turned together, as in the papers and in Meta's
            weights of LLaMA, or feature `i` with `i + head_dim / 2`, as in those of Hugging Face's Transformers.
        rope_scaling: mapping of what LLaMA 3.1 stretches its context with, see `RotaryPositionEmbedding`, or `None`.
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
        return_attention_scores: bool, whether to return the pair of output and attention weights before dropout,
            `(batch, heads, length, length)`.

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

        Dubey et al., "The Llama 3 Herd of Models", arXiv:2407.21783, for the base of the frequencies

        Yang et al., "Qwen3 Technical Report", arXiv:2505.09388, for the norms
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        num_kv_heads: int,
        head_dim: int | None = None,
        use_qk_norm: bool = False,
        max_seq_len: int = 2048,
        dropout_rate: float = 0.0,
        rope_percentage: float = 1.0,
        rope_theta: float = 10000.0,
        rope_interleaved: bool = True,
        rope_scaling: Mapping[str, float] | None = None,
        use_bias: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads, num_kv_heads=num_kv_heads, max_seq_len=max_seq_len)
        if head_dim is None:
            check_divisible(dim=dim, num_heads=num_heads)
        else:
            check_positive_int(head_dim=head_dim)
        check_divisible(num_heads=num_heads, num_kv_heads=num_kv_heads)
        check_rate(dropout_rate=dropout_rate)
        check_rope(rope_percentage, rope_theta, rope_scaling)
        self.dim = dim
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads
        self.head_dim = head_dim
        self.use_qk_norm = use_qk_norm
        self.max_seq_len = max_seq_len
        self.dropout_rate = dropout_rate
        self.rope_percentage = rope_percentage
        self.rope_theta = rope_theta
        self.rope_interleaved = rope_interleaved
        self.rope_scaling = rope_scaling
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True

        self._head_dim = dim // num_heads if head_dim is None else head_dim
        kv_width, dtype = num_kv_heads * self._head_dim, self.dtype_policy
        self.query_projection = self._projection(num_heads * self._head_dim, "query", 0)
        self.key_projection = self._projection(kv_width, "key", 1)
        self.value_projection = self._projection(kv_width, "value", 2)
        self.output_projection = self._projection(dim, "output", 3)
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=dtype)
        self.query_norm = RMSNorm(name="query_norm", dtype=dtype) if use_qk_norm else None
        self.key_norm = RMSNorm(name="key_norm", dtype=dtype) if use_qk_norm else None
        self.rope = None
        if rope_percentage > 0:
            self.rope = RotaryPositionEmbedding(
                self._head_dim,
                max_seq_len,
                rope_theta=rope_theta,
                rope_percentage=rope_percentage,
                interleaved=rope_interleaved,
                rope_scaling=rope_scaling,
                name="rope",
                dtype=dtype,
            )

    def build(self, input_shape):
        check_rank(input_shape, 3)
        check_last_axis(input_shape, dim=self.dim)
        self.query_projection.build(input_shape)
        self.key_projection.build(input_shape)
        self.value_projection.build(input_shape)
        self.output_projection.build((*input_shape[:2], self.num_heads * self._head_dim))
        if self.use_qk_norm:
            self.query_norm.build((*input_shape[:2], self.num_heads, self._head_dim))
            self.key_norm.build((*input_shape[:2], self.num_kv_heads, self._head_dim))
        if self.rope is not None:
            self.rope.build((input_shape[0], self.num_heads, input_shape[1], self._head_dim))
        super().build(input_shape)

    def call(
        self,
        inputs,
        attention_mask=None,
        use_causal_mask=False,
        mask=None,
        training=None,
        return_attention_scores=False,
    ):
        query = split_heads(self.query_projection(inputs), self.num_heads)
        key = split_heads(self.key_projection(inputs), self.num_kv_heads)
        value = split_heads(self.value_projection(inputs), self.num_kv_heads)
        if self.use_qk_norm:
            query, key = self.query_norm(query), self.key_norm(key)
        if self.rope is not None:
            query, key = self.rope.rotate(query, axis=-3), self.rope.rotate(key, axis=-3)
        attended = attend(
            query,
            key,
            value,
            mask=join_masks(explicit_mask(attention_mask), padding_mask(mask)),
            is_causal=use_causal_mask,
            dropout=self.dropout,
            training=training,
            return_weights=return_attention_scores,
        )
        heads, weights = attended if return_attention_scores else (attended, None)
        y = self.output_projection(merge_heads(heads))
        return (y, weights) if return_attention_scores else y

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
