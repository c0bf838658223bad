import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_rank, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Conv2D
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.utils.tensors import largest


@serializable
class SpatialAttention(keras.layers.Layer):
    """How much each pixel of an image counts, from the mean and the maximum of its channels and its neighbours'.

    The spatial half of the convolutional block attention module; the caller multiplies the image by it.

    Formula: `sigmoid(conv([mean_c(x), max_c(x)]))`, with a single filter, stride 1 and zeros around the image.

    Args:
        kernel_size: int, odd, height and width of the filter.
        kernel_initializer: initializer of the filter.
        kernel_regularizer: regularizer of the filter.
        use_bias: bool, whether the convolution has a bias.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, height, width, 1)`.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> tuple((x * SpatialAttention(kernel_size=3)(x)).shape)
    (2, 8, 8, 16)

    References:
        Woo et al., "CBAM: Convolutional Block Attention Module", arXiv:1807.06521
    """

    def __init__(
        self,
        kernel_size: int = 7,
        *,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        use_bias: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(kernel_size=kernel_size)
        if kernel_size % 2 == 0:
            raise ValueError(f"`kernel_size` must be odd. Received: kernel_size={kernel_size}")
        self.kernel_size = kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.use_bias = use_bias

        self.convolution = Conv2D(
            1,
            kernel_size,
            padding="same",
            data_format="channels_last",
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            name="convolution",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.convolution.build((*input_shape[:3], 2))
        super().build(input_shape)

    def call(self, inputs, training=None):
        mean = ops.cast(mean_over(at_least_float32(inputs), axis=-1, keepdims=True), inputs.dtype)
        both = ops.concatenate([mean, largest(inputs, -1)], axis=-1)
        return ops.sigmoid(self.convolution(both))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], 1)
