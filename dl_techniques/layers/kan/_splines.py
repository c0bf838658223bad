"""B-splines on equidistant knots."""

from keras import ops


def b_splines(x, intervals: int, order: int, low: float, high: float):
    """The values of all B-splines of degree `order`, on a new axis before the last.

    There are `intervals + order` of them: those of knots that divide `[low, high]` into intervals, and go on for
    `order` steps at both ends. They sum to 1. Outside they have the values of the nearest end.

    By the recursion of Cox and de Boor, of which only the functions are computed that are not zero where `x` lies. All
    its terms are positive.
    """
    position = (_clip(x, low, high) - low) * (intervals / (high - low))
    interval = ops.minimum(ops.cast(position, "int32"), intervals - 1)
    t = position - ops.cast(interval, x.dtype)
    values = [ops.ones_like(t)]
    for degree in range(1, order + 1):
        values = [value * (1 / degree) for value in values]
        rising = [(t + (degree - 1 - index)) * value for index, value in enumerate(values)]
        falling = [((1 + index) - t) * value for index, value in enumerate(values)]
        inner = [up + down for up, down in zip(rising[:-1], falling[1:], strict=True)]
        values = [falling[0], *inner, rising[-1]]
    offset = ops.arange(intervals + order, dtype="int32")[:, None] - interval[..., None, :]
    return sum(value[..., None, :] * ops.cast(offset == index, x.dtype) for index, value in enumerate(values))


def _clip(x, low: float, high: float):
    """As `ops.clip`, with the slope 1 at both ends, where the backends differ."""
    x = ops.where(x < low, ops.convert_to_tensor(low, dtype=x.dtype), x)
    return ops.where(x > high, ops.convert_to_tensor(high, dtype=x.dtype), x)
