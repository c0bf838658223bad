import keras
from keras import ops

from dl_techniques._checks import check_number
from dl_techniques._serialization import serializable


@serializable
class ValueRangeConstraint(keras.constraints.Constraint):
    """Keeps every element of a weight in a range: those outside are set to the nearest bound after each update.

    Formula: `w = min(max(w, min_value), max_value)`; NaN stays NaN.

    Args:
        min_value: float, the lower bound.
        max_value: float >= min_value, the upper bound, or None for none.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> w = ValueRangeConstraint(0.0, 1.0)(keras.ops.convert_to_tensor([-2.0, 0.5, 3.0]))
    >>> print(keras.ops.convert_to_numpy(w))
    [0.  0.5 1. ]

    References:
        No paper.
    """

    def __init__(self, min_value: float, max_value: float | None = None):
        check_number(min_value=min_value)
        if max_value is not None:
            check_number(max_value=max_value)
            if min_value > max_value:
                raise ValueError(
                    f"`min_value` must be <= `max_value`. Received: min_value={min_value!r}, max_value={max_value!r}"
                )
        self.min_value = min_value
        self.max_value = max_value

    def __call__(self, w):
        w = ops.maximum(w, ops.cast(self.min_value, w.dtype))
        return w if self.max_value is None else ops.minimum(w, ops.cast(self.max_value, w.dtype))
