import math

from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.layers.activations._elementwise import ExpandedActivation


@serializable
class xATLU(ExpandedActivation):
    """Arctangent linear unit with an expanded gating range.

    The gate of ATLU runs from 0 to 1; here it runs from `-alpha` to `1 + alpha`, with one learned `alpha` a
    layer. It starts as ATLU.

    Formula: `y = x * (g(x) * (1 + 2 * alpha) - alpha)` with `g(x) = (arctan(x) + pi / 2) / pi`

    Args:
        alpha_initializer: initializer of `alpha`, a single number.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = xATLU(alpha_initializer=keras.initializers.Constant(0.5))(keras.ops.convert_to_tensor([-2.0, 0.0, 1.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [0.4097 0.     1.    ]

    References:
        Huang, "Expanded Gating Ranges Improve Activation Functions", arXiv:2405.20768
    """

    def _gate(self, inputs):
        # arctan(x) + pi / 2 is the angle of the point (-x, 1), which keeps its precision where it is nearly zero.
        return ops.arctan2(ops.ones_like(inputs), -inputs) / math.pi
