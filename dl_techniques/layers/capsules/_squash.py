"""The nonlinearity of capsules."""

from keras import ops


def squash(x, axis: int | tuple[int, ...], epsilon: float):
    """Shortens the vectors along some axes to a length of `n^2 / (1 + n^2)`; `x` should be float32 at least."""
    square = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * (square * ops.rsqrt(square + epsilon) / (1 + square))
