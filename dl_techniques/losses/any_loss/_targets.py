"""Targets of two classes."""

from keras import ops

from dl_techniques._precision import at_least_float32


def positive_part(y_true):
    """How much of each target is class 1: itself in [0, 1], and what is outside as the nearest of the two.

    With `ops.clip` the gradient of a target of exactly 0 or 1 would depend on the backend.
    """
    y_true = at_least_float32(y_true)
    y_true = ops.where(y_true < 0, ops.zeros_like(y_true), y_true)
    return ops.where(y_true > 1, ops.ones_like(y_true), y_true)
