import keras
from keras import ops

from dl_techniques._checks import check_positive
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class TriStatePreferenceRegularizer(keras.regularizers.Regularizer):
    """Pulls each weight to -1, 0 or 1, whichever is nearest: towards ternary weights.

    It grows with the sixth power of weights outside of [-1, 1], so start them inside.

    Formula, computed in float32 and cast back: `multiplier * mean(64 / 9 * x^2 * (x + 1)^2 * (x - 1)^2)` with
    `x = scale * w`. It is 0 at -1, 0 and 1, and `multiplier` at -1/2 and 1/2; between two of the states it is highest
    at `1 / sqrt(3)` from zero, with 256/243 of the multiplier.

    Args:
        multiplier: float > 0, the strength.
        scale: float > 0; the weights are pulled to 0 and `1 / scale` on both sides.

    Input shape:
        Any.

    Output shape:
        A scalar.

    Example:

    >>> penalty = TriStatePreferenceRegularizer()
    >>> [round(float(penalty(keras.ops.convert_to_tensor([w]))), 4) for w in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    [0.0, 1.0, 0.0, 1.0, 0.0]

    References:
        No paper.
    """

    def __init__(self, multiplier: float = 1.0, scale: float = 1.0):
        check_positive(multiplier=multiplier, scale=scale)
        self.multiplier = multiplier
        self.scale = scale

    def __call__(self, x):
        scaled = self.scale * at_least_float32(x)
        return ops.cast(self.multiplier * ops.mean(64 / 9 * ops.square(scaled * (ops.square(scaled) - 1))), x.dtype)
