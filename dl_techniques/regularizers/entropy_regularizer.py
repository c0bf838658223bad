import math

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_choice, check_non_negative, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable

_TARGETS = {"low": 0.2, "medium": 0.5, "high": 0.8}


@serializable
class EntropyRegularizer(keras.regularizers.Regularizer):
    """Asks for a certain spread of the magnitudes along one axis, from one for all (0) to all alike (1).

    Small weights are nearly alike as it sees them: with a standard deviation of 0.05 their entropy is 0.9999, and the
    gradient tiny. It takes weights of a standard deviation of about 3 to get down to 0.55.

    Formula, computed in float32 and cast back: `strength * mean((H - target_entropy)^2)` with
    `p = softmax(abs(w), axis)` and `H = -sum(p * log(p), axis) / log(n)`, where `n` is the size of the axis. An axis
    of size 1 has nothing to spread and costs nothing.

    Args:
        strength: float >= 0.
        target_entropy: float in [0, 1].
        axis: int, the axis along which the weights share their magnitude.

    Input shape:
        Any with that axis.

    Output shape:
        A scalar.

    Example:

    >>> penalty = EntropyRegularizer(strength=1.0, target_entropy=0.25)
    >>> round(float(penalty(keras.ops.ones((3, 8)))), 4)
    0.5625

    References:
        Shannon, "A Mathematical Theory of Communication", doi:10.1002/j.1538-7305.1948.tb01338.x
    """

    def __init__(self, strength: float = 0.01, target_entropy: float = 0.7, *, axis: int = -1):
        check_axis(axis)
        check_non_negative(strength=strength, target_entropy=target_entropy)
        if target_entropy > 1:
            raise ValueError(f"`target_entropy` must lie in [0, 1]. Received: target_entropy={target_entropy}")
        self.strength = strength
        self.target_entropy = target_entropy
        self.axis = axis

    def __call__(self, x):
        shape = tuple(x.shape)
        (axis,) = normalize_axes(self.axis, shape)
        log_p = ops.log_softmax(ops.abs(at_least_float32(x)), axis=axis)
        entropy = -ops.sum(ops.exp(log_p) * log_p, axis=axis) / math.log(max(shape[axis], 2))
        strength = self.strength if shape[axis] > 1 else 0.0
        return ops.cast(strength * ops.mean(ops.square(entropy - self.target_entropy)), x.dtype)


def get_entropy_regularizer(mode: str, strength: float = 0.01) -> EntropyRegularizer:
    """Returns a regularizer for a "low" (0.2), "medium" (0.5) or "high" (0.8) entropy.

    Example:

    >>> get_entropy_regularizer("low").target_entropy
    0.2
    """
    check_choice(tuple(_TARGETS), mode=mode)
    return EntropyRegularizer(strength, _TARGETS[mode])
