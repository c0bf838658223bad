"""Lengths of vectors of logits."""

from keras import ops

from dl_techniques._checks import normalize_axes
from dl_techniques._precision import at_least


def floored_square(x, axes: tuple[int, ...], epsilon: float):
    """`max(sum(x^2), epsilon)` with the axes kept: the squared length above the floor, with gradient 0 below it."""
    return at_least(ops.sum(ops.square(x), axis=axes, keepdims=True), epsilon)


def smooth_l2_norm(x, axes: tuple[int, ...], epsilon: float, *, keepdims: bool = True):
    """`sqrt(sum(x^2) + epsilon)`: a little too long, but smooth everywhere."""
    return ops.sqrt(ops.sum(ops.square(x), axis=axes, keepdims=keepdims) + epsilon)


def max_cosine_and_norm(x, axes: tuple[int, ...], epsilon: float):
    """The two factors of the largest logit, without the axes."""
    norm = smooth_l2_norm(x, axes, epsilon, keepdims=False)
    return ops.amax(x, axis=axes) / norm, norm  # `ops.max` breaks the PyTorch graph.


def without_axes(shape, axis):
    axes = normalize_axes(axis, shape)
    return tuple(size for position, size in enumerate(shape) if position not in axes)
