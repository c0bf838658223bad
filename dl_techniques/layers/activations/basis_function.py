from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.layers.activations._elementwise import ElementwiseActivation


@serializable
class BasisFunction(ElementwiseActivation):
    """The basis function of Kolmogorov-Arnold networks, which PowerMLP adds to its powers of rectifiers.

    Formula: `b(x) = x / (1 + exp(-x))`, the same function as `SiLU`.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = BasisFunction()(keras.ops.convert_to_tensor([-1.0, 0.0, 1.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [-0.2689  0.      0.7311]

    References:
        Qiu et al., "PowerMLP: An Efficient Version of KAN", arXiv:2412.13571
    """

    def call(self, inputs, training=None):
        return ops.silu(inputs)
