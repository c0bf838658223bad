from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.layers.activations._elementwise import ElementwiseActivation


@serializable
class GELU(ElementwiseActivation):
    """Gaussian error linear unit: the input, gated by how large it is among standard normal numbers.

    Formula: `y = x * Phi(x) = x * (1 + erf(x / sqrt(2))) / 2`, exactly, without the approximation by tanh.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = GELU()(keras.ops.convert_to_tensor([-1.0, 0.0, 1.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [-0.1587  0.      0.8413]

    References:
        Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415
    """

    def call(self, inputs, training=None):
        return ops.gelu(inputs, approximate=False)
