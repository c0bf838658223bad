import keras

from dl_techniques._checks import check_min_rank, check_positive_int
from dl_techniques._precision import product
from dl_techniques._serialization import serializable
from dl_techniques.layers.convolution._complex import ComplexLayer, complex_channels


@serializable
class ComplexDense(ComplexLayer):
    """Product of complex features with a complex matrix, as one real product.

    Input and output are real tensors that hold the real parts of all features first, then their imaginary parts.

    Formula, for the features `a + ib` and the kernel `P + iQ`:
    `y = (a P - b Q + bias_real) + i (a Q + b P + bias_imag)`

    Args:
        units: int, number of complex output features.
        use_bias: bool, whether to add a complex bias.
        kernel_initializer: "complex_glorot" or "complex_he", which draw uniform phases and moduli whose mean square is
            `2 / (fan_in + fan_out)` or `2 / fan_in`; or any initializer, for the real and the imaginary part.
        kernel_regularizer: regularizer of the real and of the imaginary part.

    Input shape:
        `(batch, ..., 2 * features)`.

    Output shape:
        `(batch, ..., 2 * units)`.

    Example:

    >>> layer = ComplexDense(units=1)
    >>> layer.build((None, 2))
    >>> _ = layer.kernel_real.assign([[0.0]])
    >>> _ = layer.kernel_imag.assign([[1.0]])
    >>> y = layer(keras.ops.array([[3.0, 4.0]]))
    >>> print(keras.ops.convert_to_numpy(y))  # i (3 + 4i)
    [[-4.  3.]]

    References:
        Trabelsi et al., "Deep Complex Networks", arXiv:1705.09792
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        *,
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
        check_positive_int(units=units)
        self.units = units
        self.supports_masking = True

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        self._add_weights(complex_channels(input_shape), self.units)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return self._plus_bias(product(inputs, self._packed_kernel()))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2 * self.units)
