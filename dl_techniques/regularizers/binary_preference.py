import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_positive
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class BinaryPreferenceRegularizer(keras.regularizers.Regularizer):
    """Pulls each weight to 0 or to 1, whichever is nearer.

    For gates and masks that are learned as real numbers and shall end up as decisions. It grows with the fourth power
    of weights outside of [0, 1], so start them inside.

    Formula, computed in float32 and cast back: `multiplier * mean(16 * x^2 * (1 - x)^2)` with `x = scale * w`.
    It is 0 at 0 and 1, and `multiplier` at 1/2.

    Args:
        multiplier: float >= 0, the strength.
        scale: float > 0; the weights are pulled to 0 and `1 / scale`.

    Input shape:
        Any.

    Output shape:
        A scalar.

    Example:

    >>> penalty = BinaryPreferenceRegularizer()
    >>> [float(penalty(keras.ops.convert_to_tensor([w]))) for w in (0.0, 0.5, 1.0)]
    [0.0, 1.0, 0.0]

    References:
        No paper.
    """

    def __init__(self, multiplier: float = 1.0, scale: float = 1.0):
        check_non_negative(multiplier=multiplier)
        check_positive(scale=scale)
        self.multiplier = multiplier
        self.scale = scale

    def __call__(self, x):
        scaled = self.scale * at_least_float32(x)
        return ops.cast(self.multiplier * ops.mean(16 * ops.square(scaled * (1 - scaled))), x.dtype)
