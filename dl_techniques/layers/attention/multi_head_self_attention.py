import keras

from dl_techniques._checks import check_divisible, check_last_axis, check_positive_int, check_rank, check_rate
from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import (
    attend,
    explicit_mask,
    join_masks,
    merge_heads,
    padding_mask,
    split_query_key_value,
)


@serializable
class MultiHeadSelfAttention(AttentionLayer):
    """Multi-head attention of a sequence to itself, as in vision transformers.

    One product gives queries, keys and values together, where `keras.layers.MultiHeadAttention`, which also attends
    from one sequence to another, takes three.

    Formula: `concat_i(softmax(q_i k_i^T / sqrt(dim / num_heads)) v_i) W_o + b_o` over the heads `i`, where
    `[q, k, v] = x W_qkv + b_qkv`, each with its heads next to each other.

    Args:
        dim: int, size of the features.
        num_heads: int, number of heads; divides `dim`.
        qkv_bias: bool, whether queries, keys and values have a bias.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        dropout_rate: float in [0, 1), dropout of the output.
        kernel_initializer: initializer of the two projections; "glorot_uniform", as in the authors' code of the vision
            transformer.
        kernel_regularizer: regularizer of the two projections.
        seed: int or `None`, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch, length, dim)`.
        attention_mask: boolean tensor `(batch, length, length)` or `(batch, heads, length, length)`, true where a
            query (row) may look at a key (column). A query that may look at nothing gets zeros from every head.
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

    >>> layer = MultiHeadSelfAttention(dim=16, num_heads=4)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 16)

    References:
        Vaswani et al., "Attention Is All You Need", arXiv:1706.03762

        Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        arXiv:2010.11929
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        *,
        qkv_bias: bool = True,
        attention_dropout_rate: float = 0.0,
        dropout_rate: float = 0.0,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads)
        check_divisible(dim=dim, num_heads=num_heads)
        check_rate(attention_dropout_rate=attention_dropout_rate, dropout_rate=dropout_rate)
        self.dim = dim
        self.num_heads = num_heads
        self.qkv_bias = qkv_bias
        self.attention_dropout_rate = attention_dropout_rate
        self.dropout_rate = dropout_rate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed
        self.supports_masking = True

        dtype = self.dtype_policy
        self.qkv = self._projection(3 * dim, qkv_bias, "qkv", 0)
        self.proj = self._projection(dim, True, "proj", 1)
        self.attention_dropout = Dropout(attention_dropout_rate, seed=seed, name="attention_dropout", dtype=dtype)
        self.dropout = Dropout(dropout_rate, seed=derived_seed(seed, 1), name="dropout", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 3)
        check_last_axis(input_shape, dim=self.dim)
        self.qkv.build(input_shape)
        self.proj.build(input_shape)
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
        query, key, value = split_query_key_value(self.qkv(inputs), self.num_heads)
        attended = attend(
            query,
            key,
            value,
            mask=join_masks(explicit_mask(attention_mask), padding_mask(mask)),
            is_causal=use_causal_mask,
            dropout=self.attention_dropout,
            training=training,
            return_weights=return_attention_scores,
        )
        heads, weights = attended if return_attention_scores else (attended, None)
        y = self.dropout(self.proj(merge_heads(heads)), training=training)
        return (y, weights) if return_attention_scores else y

    def compute_output_shape(self, input_shape):
        return input_shape

    def _projection(self, units: int, use_bias: bool, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
