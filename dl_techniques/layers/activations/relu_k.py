from keras import ops

from dl_techniques._checks import check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.activations._elementwise import ElementwiseActivation


@serializable
class ReLUK(ElementwiseActivation):
    """Powers of the rectifier: `k = 1` is ReLU, greater ones have `k - 1` continuous derivatives.

    Networks of such units represent splines of degree `k`, which is how PowerMLP replaces the splines of a
    Kolmogorov-Arnold network.

    Formula: `y = max(0, x)^k`

    Args:
        k: int >= 1, the power.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = ReLUK(k=3)(keras.ops.convert_to_tensor([-1.0, 0.0, 2.0]))
    >>> print(keras.ops.convert_to_numpy(y))
    [0. 0. 8.]

    References:
        Qiu et al., "PowerMLP: An Efficient Version of KAN", arXiv:2412.13571
    """

    def __init__(self, k: int = 3, **kwargs):
        super().__init__(**kwargs)
        check_positive_int(k=k)
        self.k = k

    def call(self, inputs, training=None):
        rectified = outputs = ops.relu(inputs)
        for _ in range(self.k - 1):
            outputs = outputs * rectified
        return outputs
