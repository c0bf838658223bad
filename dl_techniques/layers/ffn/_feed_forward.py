import keras

from dl_techniques._checks import check_min_rank, check_rate, normalize_axes
from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._keras_layers import Dense, Dropout


class FeedForward(keras.layers.Layer):
    """What the layers of this family share: Dense parts of one kind, dropouts, and an input that must suit them."""

    def __init__(
        self,
        *,
        use_bias,
        kernel_initializer,
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        dropout_rate=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_rate(dropout_rate=dropout_rate)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.dropout_rate = dropout_rate
        self.seed = seed
        self.supports_masking = True

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        normalize_axes(-1, input_shape)
        super().build(input_shape)

    def _dense(self, units: int, name: str, index: int, **options) -> Dense:
        """Part `index` of the layer."""
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            bias_initializer=fresh(self.bias_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            name=name,
            dtype=self.dtype_policy,
            **options,
        )

    def _dropout(self, name: str, index: int = 0) -> Dropout:
        return Dropout(self.dropout_rate, seed=derived_seed(self.seed, index), name=name, dtype=self.dtype_policy)


def named_activation(**given):
    """Keras' function for an activation. It must have a name, or a layer that uses it could not be saved."""
    ((argument, value),) = given.items()
    activation = keras.activations.get(value)
    if not hasattr(activation, "__name__") and not isinstance(activation, keras.layers.Layer):
        raise ValueError(f"`{argument}` must be a function with a name. Received: {argument}={value!r}")
    return activation
