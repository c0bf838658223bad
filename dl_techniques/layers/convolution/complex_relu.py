from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.layers.convolution._complex import PackedLayer, complex_channels


@serializable
class ComplexReLU(PackedLayer):
    """The activation CReLU of complex networks: a rectifier for the real and one for the imaginary part.

    The tensors are real ones that hold the real parts of all channels first, then their imaginary parts.

    Formula: `y = max(0, Re x) + i max(0, Im x)`

    Input shape:
        `(batch, ..., 2 * channels)`.

    Output shape:
        Same as the input.

    Example:

    >>> y = ComplexReLU()(keras.ops.array([[3.0, -1.0, -2.0, 4.0]]))
    >>> print(keras.ops.convert_to_numpy(y))  # of 3 - 2i and -1 + 4i
    [[3. 0. 0. 4.]]

    References:
        Trabelsi et al., "Deep Complex Networks", arXiv:1705.09792
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        complex_channels(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return ops.relu(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape
