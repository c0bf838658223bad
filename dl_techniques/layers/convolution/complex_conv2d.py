import keras

from dl_techniques._checks import check_choice, check_positive_int, check_rank
from dl_techniques._serialization import serializable
from dl_techniques._shapes import conv_output_shape, pair
from dl_techniques.layers.convolution._complex import ComplexLayer, complex_channels
from dl_techniques.utils.convolution import conv2d


@serializable
class ComplexConv2D(ComplexLayer):
    """Convolution of a complex image with a complex kernel, as one real convolution.

    For signals with a phase: spectrograms, radar, magnetic resonance. Input and output are real tensors that hold the
    real parts of all channels first, then their imaginary parts.

    Formula, for the image `a + ib`, the kernel `P + iQ` and the cross-correlation `*`, as in Keras:
    `y = (a * P - b * Q + bias_real) + i (a * Q + b * P + bias_imag)`

    Args:
        filters: int, number of complex output channels.
        kernel_size: int or pair of them, height and width of the kernel.
        strides: int or pair of them.
        padding: "same" or "valid".
        use_bias: bool, whether to add a complex bias to each channel.
        kernel_initializer: "complex_glorot" or "complex_he", which draw uniform phases and moduli whose mean square is
            `2 / (fan_in + fan_out)` or `2 / fan_in`; or any initializer, for the real and the imaginary part.
        kernel_regularizer: regularizer of the real and of the imaginary part.

    Input shape:
        `(batch, height, width, 2 * channels)`.

    Output shape:
        `(batch, new_height, new_width, 2 * filters)`.

    Example:

    >>> x = keras.random.normal((2, 9, 9, 2 * 3))
    >>> tuple(ComplexConv2D(filters=4, kernel_size=3, strides=2)(x).shape)
    (2, 5, 5, 8)

    References:
        Trabelsi et al., "Deep Complex Networks", arXiv:1705.09792
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "complex_glorot",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            **kwargs,
        )
        check_positive_int(filters=filters)
        check_choice(("same", "valid"), padding=padding)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self._kernel_size = pair(kernel_size=kernel_size)
        self._strides = pair(strides=strides)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        self.compute_output_shape(input_shape)  # Raises where the kernel is larger than the image.
        self._add_weights(*self._kernel_size, complex_channels(input_shape), self.filters)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return self._plus_bias(conv2d(inputs, self._packed_kernel(), self._strides, self.padding))

    def compute_output_shape(self, input_shape):
        return conv_output_shape(input_shape, 2 * self.filters, self._kernel_size, self._strides, self.padding)
