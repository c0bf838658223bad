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
from dl_techniques.layers.norms.rms_norm import RMSNorm


@serializable
class DifferentialAttention(keras.layers.Layer):
    """Self-attention whose weights are the difference of two softmax maps.

    What both maps give to irrelevant keys cancels, as noise does in a differential amplifier, so the heads look at
    fewer keys.

    Formula: `head = (1 - l0) RMSNorm((softmax(q1 k1^T / sqrt(head_dim)) - l softmax(q2 k2^T / sqrt(head_dim))) v)`
    with `l = exp(lambda_q1 . lambda_k1) - exp(lambda_q2 . lambda_k2) + l0` and
    `l0 = lambda_init (1 - 0.75 exp(-0.3 layer_idx))`. Values have `2 * head_dim` features a head. Softmax,
    normalization and `l` are computed in float32.

    Args:
        dim: int, size of the features.
        num_heads: int, number of heads.
        head_dim: int, size of each of a head's two queries and keys. `None` means `dim / (2 * num_heads)`, which
            takes as many weights as multi-head attention does.
        dropout_rate: float in [0, 1), dropout of the output.
        attention_dropout_rate: float in [0, 1), dropout of the difference of the maps.
        lambda_init: float in [0, 1), what `l0` approaches in deep layers.
        layer_idx: int >= 0, depth of the layer in its model, counted from 0.
        kernel_initializer: initializer of the four projections.
        seed: int or `None`, seed of the dropouts.

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
        head_dim: int | None = None,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        lambda_init: float = 0.8,
        layer_idx: int = 0,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads)
        check_divisible(dim=dim, num_heads=num_heads)
        if head_dim is None:
            check_divisible(**{"dim": dim, "2 * num_heads": 2 * num_heads})
        else:
            check_positive_int(head_dim=head_dim)
        check_rate(dropout_rate=dropout_rate, attention_dropout_rate=attention_dropout_rate, lambda_init=lambda_init)
        check_non_negative_int(layer_idx=layer_idx)
        self.dim = dim
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.lambda_init = lambda_init
        self.layer_idx = layer_idx
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed = seed
        self.supports_masking = True

        self._head_dim = dim // (2 * num_heads) if head_dim is None else head_dim
        self._initial_lambda = lambda_init * (1 - 0.75 * math.exp(-0.3 * layer_idx))
        width = 2 * num_heads * self._head_dim
        kernels = [fresh(self.kernel_initializer, index) for index in range(4)]
        dtype = self.dtype_policy
        self.query_projection = Dense(width, use_bias=False, kernel_initializer=kernels[0], name="query", dtype=dtype)
        self.key_projection = Dense(width, use_bias=False, kernel_initializer=kernels[1], name="key", dtype=dtype)
        self.value_projection = Dense(width, use_bias=False, kernel_initializer=kernels[2], name="value", dtype=dtype)
        self.output_projection = Dense(dim, use_bias=False, kernel_initializer=kernels[3], name="output", dtype=dtype)
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
        self.lambda_q1 = self._lambda_weight("lambda_q1")
        self.lambda_k1 = self._lambda_weight("lambda_k1")
        self.lambda_q2 = self._lambda_weight("lambda_q2")
        self.lambda_k2 = self._lambda_weight("lambda_k2")
        super().build(input_shape)

    def call(self, inputs, attention_mask=None, use_causal_mask=False, mask=None, training=None):
        query = split_heads(self.query_projection(inputs), 2 * self.num_heads)
        key = split_heads(self.key_projection(inputs), 2 * self.num_heads)
        value = split_heads(self.value_projection(inputs), self.num_heads)
        visible = join_masks(explicit_mask(attention_mask), padding_mask(mask))
        if use_causal_mask:
            visible = join_masks(visible, causal_mask(query, key))

        signal = attention_weights(query[:, :, 0::2], key[:, :, 0::2], mask=visible)
        noise = attention_weights(query[:, :, 1::2], key[:, :, 1::2], mask=visible)
        weights = signal - ops.cast(self.get_lambda(), signal.dtype) * noise
        weights = self.attention_dropout(weights, training=training)
        heads = (1 - self._initial_lambda) * self.norm(weighted_sum(weights, value))
        return self.dropout(self.output_projection(merge_heads(heads)), training=training)

    def get_lambda(self):
        """The factor of the second map, a float32 scalar."""
        q1, k1, q2, k2 = (
            at_least_float32(w) for w in (self.lambda_q1, self.lambda_k1, self.lambda_q2, self.lambda_k2)
        )
        return ops.exp(ops.sum(q1 * k1)) - ops.exp(ops.sum(q2 * k2)) + self._initial_lambda

    def compute_output_shape(self, input_shape):
        return input_shape

    def _lambda_weight(self, name: str):
        return self.add_weight(
            name=name, shape=(self._head_dim,), initializer=keras.initializers.RandomNormal(stddev=0.1), autocast=False
        )
