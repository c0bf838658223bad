import math

import keras
from keras import ops

from dl_techniques._checks import (
    check_divisible,
    check_last_axis,
    check_non_negative_int,
    check_positive_int,
    check_rank,
    check_rate,
)
from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import (
    attention_weights,
    causal_mask,
    explicit_mask,
    join_masks,
    merge_heads,
    padding_mask,
    split_heads,
    weighted_sum,
)
from dl_techniques.layers.embedding.rotary_position_embedding import RotaryPositionEmbedding, check_rope
from dl_techniques.layers.norms.rms_norm import RMSNorm


@serializable
class DifferentialAttention(AttentionLayer):
    """Self-attention whose weights are the difference of two softmax maps.

    What both maps give to irrelevant keys cancels, as noise does in a differential amplifier, so the heads look at
    fewer keys.

    Formula: `head = (1 - l0) RMSNorm((softmax(q1 k1^T / sqrt(head_dim)) - l softmax(q2 k2^T / sqrt(head_dim))) v)`
    with `l = exp(lambda_q1 . lambda_k1) - exp(lambda_q2 . lambda_k2) + l0` and
    `l0 = lambda_init (1 - 0.75 exp(-0.3 layer_idx))`. Values have `2 * head_dim` features a head. Where there are
    fewer heads of keys and values than of queries, consecutive query heads share the two keys and the value of one.
    Softmax, normalization and `l` are computed in float32.

    Args:
        dim: int, size of the features.
        num_heads: int, number of heads.
        num_kv_heads: int, number of heads of keys and values; divides `num_heads`. `None` means `num_heads`.
        head_dim: int, size of each of a head's two queries and keys. `None` means `dim / (2 * num_heads)`, which
            takes as many weights as multi-head attention does.
        max_seq_len: int, number of positions that the rotary position embedding knows.
        rope_percentage: float in [0, 1], fraction of the features of queries and keys that a rotary position embedding
            turns. The authors' language models turn all of them; the default is 0, no position embedding, as the
            models of this library add positions to the tokens.
        rope_theta: float > 0, base of its frequencies.
        dropout_rate: float in [0, 1), dropout of the output.
        attention_dropout_rate: float in [0, 1), dropout of the difference of the maps.
        lambda_init: float in [0, 1), what `l0` approaches in deep layers.
        layer_idx: int >= 0, depth of the layer in its model, counted from 0.
        kernel_initializer: initializer of the four projections.
        kernel_regularizer: regularizer of the four projections, or None.
        seed: int or `None`, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch, length, dim)`.
        attention_mask: boolean tensor `(batch, length, length)` or `(batch, heads, length, length)`, true where a
            query (row) may look at a key (column). A query that may look at nothing gets zeros.
        use_causal_mask: bool, whether to hide later positions.
        mask: boolean tensor `(batch, length)`, Keras' automatic padding mask; hides keys.
        training: bool, whether to apply dropout.
        return_attention_scores: bool, whether to return the pair of output and differences of the maps before dropout,
            `(batch, heads, length, length)`.

    Input shape:
        `(batch, length, dim)`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = DifferentialAttention(dim=16, num_heads=2)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
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
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        lambda_init: float = 0.8,
        layer_idx: int = 0,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads, max_seq_len=max_seq_len)
        check_divisible(dim=dim, num_heads=num_heads)
        if num_kv_heads is not None:
            check_positive_int(num_kv_heads=num_kv_heads)
            check_divisible(num_heads=num_heads, num_kv_heads=num_kv_heads)
        if head_dim is None:
            check_divisible(**{"dim": dim, "2 * num_heads": 2 * num_heads})
        else:
            check_positive_int(head_dim=head_dim)
        check_rate(dropout_rate=dropout_rate, attention_dropout_rate=attention_dropout_rate, lambda_init=lambda_init)
        check_non_negative_int(layer_idx=layer_idx)
        check_rope(rope_percentage, rope_theta)
        self.dim = dim
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads
        self.head_dim = head_dim
        self.max_seq_len = max_seq_len
        self.rope_percentage = rope_percentage
        self.rope_theta = rope_theta
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.lambda_init = lambda_init
        self.layer_idx = layer_idx
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True

        self._head_dim = dim // (2 * num_heads) if head_dim is None else head_dim
        self._initial_lambda = lambda_init * (1 - 0.75 * math.exp(-0.3 * layer_idx))
        self._num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        dtype = self.dtype_policy
        self.query_projection = self._projection(2 * num_heads * self._head_dim, "query", 0)
        self.key_projection = self._projection(2 * self._num_kv_heads * self._head_dim, "key", 1)
        self.value_projection = self._projection(2 * self._num_kv_heads * self._head_dim, "value", 2)
        self.output_projection = self._projection(dim, "output", 3)
        self.rope = None
        if rope_percentage > 0:
            self.rope = RotaryPositionEmbedding(
                self._head_dim,
                max_seq_len,
                rope_theta=rope_theta,
                rope_percentage=rope_percentage,
                name="rope",
                dtype=dtype,
            )
        self.norm = RMSNorm(epsilon=1e-5, name="norm", dtype=dtype)
        self.attention_dropout = Dropout(attention_dropout_rate, seed=seed, name="attention_dropout", dtype=dtype)
        self.dropout = Dropout(dropout_rate, seed=derived_seed(seed, 1), name="dropout", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 3)
        check_last_axis(input_shape, dim=self.dim)
        self.query_projection.build(input_shape)
        self.key_projection.build(input_shape)
        self.value_projection.build(input_shape)
        self.norm.build((*input_shape[:2], self.num_heads, 2 * self._head_dim))
        self.output_projection.build((*input_shape[:2], 2 * self.num_heads * self._head_dim))
        if self.rope is not None:
            self.rope.build((input_shape[0], 2 * self.num_heads, input_shape[1], self._head_dim))
        self.lambda_q1 = self._lambda_weight("lambda_q1")
        self.lambda_k1 = self._lambda_weight("lambda_k1")
        self.lambda_q2 = self._lambda_weight("lambda_q2")
        self.lambda_k2 = self._lambda_weight("lambda_k2")
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
        query = split_heads(self.query_projection(inputs), 2 * self.num_heads)
        key = split_heads(self.key_projection(inputs), 2 * self._num_kv_heads)
        value = split_heads(self.value_projection(inputs), self._num_kv_heads)
        if self.rope is not None:
            query, key = self.rope.rotate(query, axis=-3), self.rope.rotate(key, axis=-3)
        visible = join_masks(explicit_mask(attention_mask), padding_mask(mask))
        if use_causal_mask:
            visible = join_masks(visible, causal_mask(query, key))

        keys = key[:, :, 0::2], key[:, :, 1::2]
        groups = self.num_heads // self._num_kv_heads
        if groups > 1:
            *keys, value = (ops.repeat(heads, groups, axis=2) for heads in (*keys, value))
        signal = attention_weights(query[:, :, 0::2], keys[0], mask=visible)
        noise = attention_weights(query[:, :, 1::2], keys[1], mask=visible)
        weights = signal - ops.cast(self.get_lambda(), signal.dtype) * noise
        dropped = self.attention_dropout(weights, training=training)
        heads = (1 - self._initial_lambda) * self.norm(weighted_sum(dropped, value))
        y = self.dropout(self.output_projection(merge_heads(heads)), training=training)
        return (y, ops.cast(weights, value.dtype)) if return_attention_scores else y

    def get_lambda(self):
        """The factor of the second map, a float32 scalar."""
        q1, k1, q2, k2 = (
            at_least_float32(w) for w in (self.lambda_q1, self.lambda_k1, self.lambda_q2, self.lambda_k2)
        )
        return ops.exp(ops.sum(q1 * k1)) - ops.exp(ops.sum(q2 * k2)) + self._initial_lambda

    def compute_output_shape(self, input_shape):
        return input_shape

    def _projection(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=False,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _lambda_weight(self, name: str):
        return self.add_weight(
            name=name, shape=(self._head_dim,), initializer=keras.initializers.RandomNormal(stddev=0.1), autocast=False
        )
