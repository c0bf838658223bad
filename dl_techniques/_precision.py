"""Statistics and softmaxes are computed in float32 at least, whatever the inputs are."""

import keras
from keras import ops


def at_least_float32(x):
    """Returns `x` in float32 where it is narrower, else unchanged."""
    return x if keras.backend.standardize_dtype(x.dtype) == "float64" else ops.cast(x, "float32")
