"""Statistics and softmaxes are computed in float32 at least, whatever the inputs are.

In float64 where those are float64: Keras' promotion of dtypes ends at float32 on PyTorch and JAX, and some of its
operations take float64 through float32. What stands here in their place does not.
"""

import keras
from keras import ops


def is_float64(x) -> bool:
    return keras.backend.standardize_dtype(x.dtype) == "float64"


def at_least_float32(x):
    """Returns `x` in float32 where it is narrower, else unchanged."""
    return x if is_float64(x) else ops.cast(x, "float32")


def wide(dtype: str) -> str:
    """The dtype that what is of `dtype` is summed up in."""
    return "float64" if dtype == "float64" else "float32"


def mean_over(x, axis, keepdims: bool = False):
    """As `ops.mean`."""
    if not is_float64(x):
        return ops.mean(x, axis=axis, keepdims=keepdims)
    total = ops.sum(x, axis=axis, keepdims=keepdims)
    return total / ops.cast(ops.size(x) / ops.size(total), x.dtype)


def at_least(x, low: float):
    """As `ops.maximum`."""
    if not is_float64(x):
        return ops.maximum(x, low)
    return ops.where(x < low, ops.convert_to_tensor(low, dtype=x.dtype), x)


def unit_interval(x):
    """As `ops.clip(x, 0, 1)`, but at 0 and 1 the gradient passes on every backend."""
    return ops.where(x < 0, ops.zeros_like(x), ops.where(x > 1, ops.ones_like(x), x))


def product(x, y):
    """As `ops.matmul`."""
    return x @ y if keras.config.backend() == "torch" else ops.matmul(x, y)


def tanh(x):
    """As `ops.tanh`."""
    if not is_float64(x):
        return ops.tanh(x)
    # The first loses the digits of large numbers, the second those of small ones.
    return ops.where(ops.abs(x) < 1, x - ops.tanh_shrink(x), 2 * ops.sigmoid(2 * x) - 1)
