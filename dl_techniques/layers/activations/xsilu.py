from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.layers.activations._elementwise import ExpandedActivation


@serializable
class xSiLU(ExpandedActivation):
    """Sigmoid linear unit with an expanded gating range.

    The gate of SiLU runs from 0 to 1; here it runs from `-alpha` to `1 + alpha`, with one learned `alpha` a
    layer. It starts as SiLU.

    Formula: `y = x * (g(x) * (1 + 2 * alpha) - alpha)` with `g(x) = sigmoid(x)`

    Args:
        alpha_initializer: initializer of `alpha`, a single number.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = xSiLU(alpha_initializer=keras.initializers.Constant(0.5))(keras.ops.convert_to_tensor([-1.0, 0.0, 1.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [-0.0379  0.      0.9621]

    References:
        Huang, "Expanded Gating Ranges Improve Activation Functions", arXiv:2405.20768
    """

    def _gate(self, inputs):
        return ops.sigmoid(inputs)
