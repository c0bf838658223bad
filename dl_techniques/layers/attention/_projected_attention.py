import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_rank, check_rate
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import (
    causal_mask,
    explicit_mask,
    join_masks,
    merge_heads,
    padding_mask,
    split_heads,
    weighted_sum,
)


class ProjectedAttention(AttentionLayer):
    """What attention with weights of its own has in common: four projections, masks and dropout.

    A subclass says in `_weights` how much a query takes from each key.
    """

    def __init__(
        self,
        num_heads,
        key_dim,
        *,
        value_dim,
        dropout_rate,
        use_bias,
        kernel_initializer,
        bias_initializer,
        kernel_regularizer,
        bias_regularizer,
        kernel_constraint,
        bias_constraint,
        seed,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_heads=num_heads, key_dim=key_dim)
        if value_dim is not None:
            check_positive_int(value_dim=value_dim)
        check_rate(dropout_rate=dropout_rate)
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.dropout_rate = dropout_rate
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.seed = seed
        self.supports_masking = True

        self._value_dim = key_dim if value_dim is None else value_dim
        self.query_projection = self._projection(num_heads * key_dim, "query", 0)
        self.key_projection = self._projection(num_heads * key_dim, "key", 1)
        self.value_projection = self._projection(num_heads * self._value_dim, "value", 2)
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=self.dtype_policy)

    def build(self, input_shape):
        query, key, value = (tuple(shape) for shape in _query_key_value(input_shape, _are_several_shapes(input_shape)))
        for shape in (query, key, value):
            check_rank(shape, 3)
        if key[:2] != value[:2]:
            raise ValueError(
                "Keys and values must have the same batch size and length. "
                f"Received: key shape={key}, value shape={value}"
            )
        self.query_projection.build(query)
        self.key_projection.build(key)
        self.value_projection.build(value)
        self.output_projection = self._projection(query[-1], "output", 3)
        self.output_projection.build((*query[:2], self.num_heads * self._value_dim))
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
        query, key, value, visible = self._heads(inputs, attention_mask, use_causal_mask, mask)
        if not return_attention_scores:
            return self.output_projection(merge_heads(self._mix(query, key, value, visible, training)))
        weights = self._weights(query, key, visible)
        heads = weighted_sum(self.dropout(weights, training=training), value)
        return self.output_projection(merge_heads(heads)), ops.cast(weights, value.dtype)

    def compute_output_shape(self, input_shape):
        return tuple(_query_key_value(input_shape, _are_several_shapes(input_shape))[0])

    def compute_mask(self, inputs, previous_mask):
        return previous_mask[0] if isinstance(previous_mask, list | tuple) else previous_mask

    def _weights(self, query, key, mask):
        raise NotImplementedError

    def _mix(self, query, key, value, mask, training):
        weights = self.dropout(self._weights(query, key, mask), training=training)
        return weighted_sum(weights, value)

    def _heads(self, inputs, attention_mask, use_causal_mask, mask):
        """The projected queries, keys and values, and the mask that joins all masks."""
        query, key, value = _query_key_value(inputs, isinstance(inputs, list | tuple))
        query = split_heads(self.query_projection(query), self.num_heads)
        key = split_heads(self.key_projection(key), self.num_heads)
        value = split_heads(self.value_projection(value), self.num_heads)
        visible = explicit_mask(attention_mask)
        for keys in mask[1:] if isinstance(mask, list | tuple) else (mask,):
            visible = join_masks(visible, padding_mask(keys))
        if use_causal_mask:
            visible = join_masks(visible, causal_mask(query, key))
        return query, key, value, visible

    def _projection(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            bias_initializer=fresh(self.bias_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            name=name,
            dtype=self.dtype_policy,
        )


def _query_key_value(inputs, are_several: bool):
    """A single input, tensor or shape, is all three. The last of two is keys and values."""
    if not are_several:
        return inputs, inputs, inputs
    if len(inputs) not in (2, 3):
        raise ValueError(
            "The input must be a tensor, or a list of query and key, or of query, key and value. "
            f"Received: a list of {len(inputs)}"
        )
    return inputs[0], inputs[1], inputs[-1]


def _are_several_shapes(input_shape) -> bool:
    return isinstance(input_shape[0], list | tuple)
