import keras
from keras import ops

from dl_techniques._checks import check_last_axis, check_positive_int, check_rank
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.utils.tensors import largest


@serializable
class ChannelAttention(keras.layers.Layer):
    """How much each channel of an image counts, from its mean and its maximum over all pixels.

    The channel half of the convolutional block attention module; the caller multiplies the image by it.

    Formula: `sigmoid(W_2 relu(W_1 mean_hw(x)) + W_2 relu(W_1 max_hw(x)))`

    Args:
        channels: int, number of channels.
        ratio: int, the hidden layer has `channels // ratio` units. The paper takes 16.
        kernel_initializer: initializer of `W_1` and `W_2`.
        kernel_regularizer: regularizer of `W_1` and `W_2`.
        use_bias: bool, whether both have biases.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, 1, 1, channels)`.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> tuple((x * ChannelAttention(channels=16)(x)).shape)
    (2, 8, 8, 16)

    References:
        Woo et al., "CBAM: Convolutional Block Attention Module", arXiv:1807.06521
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 8,
        *,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        use_bias: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(channels=channels, ratio=ratio)
        if ratio > channels:
            raise ValueError(f"`ratio` must be at most `channels`. Received: ratio={ratio}, channels={channels}")
        self.channels = channels
        self.ratio = ratio
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.use_bias = use_bias

        self.reduce = self._dense(channels // ratio, "relu", "reduce", 0)
        self.expand = self._dense(channels, None, "expand", 1)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        check_last_axis(input_shape, channels=self.channels)
        self.reduce.build((input_shape[0], 2, 1, self.channels))
        self.expand.build((input_shape[0], 2, 1, self.channels // self.ratio))
        super().build(input_shape)

    def call(self, inputs, training=None):
        mean = ops.cast(mean_over(at_least_float32(inputs), axis=(1, 2), keepdims=True), inputs.dtype)
        both = ops.concatenate([mean, largest(inputs, (1, 2))], axis=1)
        return ops.sigmoid(ops.sum(self.expand(self.reduce(both)), axis=1, keepdims=True))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1, 1, self.channels)

    def _dense(self, units: int, activation: str | None, name: str, index: int) -> Dense:
        return Dense(
            units,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
