"""Samples `(samples, features)` and the points of a map or of clusters, `(points, features)`.

By products, without the differences of all pairs: these would need memory for `samples * points * features` numbers.
"""

from keras import ops

from dl_techniques._precision import at_least, mean_over, product

# What a point has of all samples together, at least, to be moved all the way; float32 begins to underflow below it.
_TINY = 1e-30


def state_dtype(layer) -> str:
    """Of weights that move by small steps, which a narrow dtype would round away."""
    return "float64" if layer.variable_dtype == "float64" else "float32"


def middle_of(points):
    """Distances are the same from any origin, and most accurate from this one. No gradients pass."""
    return ops.stop_gradient(mean_over(points, axis=0))


def nearness(x, points, middle):
    """Minus the squared distances, `(samples, points)`, but for a number that all points have in common."""
    offsets = points - middle
    return product(x, ops.transpose(2 * offsets)) - ops.sum(offsets * (points + middle), axis=-1)


def steps_to_means(x, shares, points):
    """From each point to the mean of the samples, weighted by its shares in them; 0 where it has none."""
    shares = ops.transpose(shares)
    # A product, as Inductor has no code for the sum beside two weights that move.
    total = product(shares, ops.ones_like(x[:, :1]))
    return (product(shares, x) - total * points) / at_least(total, _TINY)
