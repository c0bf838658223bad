"""What the segmentation losses share: how predictions are read, how classes are weighed, and the Tversky distance."""

import math
from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_min_rank, check_non_negative, check_number, check_numbers, check_same_shape
from dl_techniques._precision import at_least_float32, mean_over, unit_interval

# What a probability is at least where its logarithm is taken.
_EPSILON = 1e-7
# Below all logarithms of probabilities, and still finite in float32.
_LOWEST = -3e38


class SegmentationLoss(keras.losses.Loss):
    """A subclass says in `per_image` what each image costs."""

    def __init__(self, *, class_weights: Sequence[float] | None, from_logits: bool, **kwargs):
        super().__init__(**kwargs)
        if class_weights is not None:
            _check_class_weights(class_weights)
        self.class_weights = class_weights
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        check_same_shape(y_true, y_pred)
        check_min_rank(y_pred.shape, 3)
        self._check_classes(y_pred.shape)
        y_pred = at_least_float32(y_pred)
        return self.per_image(ops.cast(y_true, y_pred.dtype), y_pred)

    def per_image(self, y_true, y_pred):
        """Returns `(batch,)`."""
        raise NotImplementedError

    def probabilities(self, y_pred):
        """In [0, 1], also where the prediction is not."""
        if self.from_logits:
            return ops.softmax(y_pred, axis=-1)
        return unit_interval(y_pred)

    def log_probabilities(self, y_pred):
        if self.from_logits:
            return ops.log_softmax(y_pred, axis=-1)
        return safe_log(self.probabilities(y_pred))

    def sum_of_classes(self, values):
        """Of `(batch, ..., classes)`; each class counts as often as its weight says. The mean over pixels."""
        values = self._weighted(values, 1.0)
        return mean_over(values, _all_but_first(values)) * ops.cast(ops.shape(values)[-1], values.dtype)

    def mean_of_classes(self, values):
        """Of `(batch, ..., classes)`, weighted. The mean over pixels too, if there are any."""
        if self.class_weights is not None:
            values = self._weighted(values, len(self.class_weights) / sum(self.class_weights))
        return mean_over(values, _all_but_first(values))

    def _weighted(self, values, factor: float):
        if self.class_weights is None:
            return values
        return values * ops.convert_to_tensor([factor * weight for weight in self.class_weights], dtype=values.dtype)

    def _check_classes(self, shape) -> None:
        classes = shape[-1]
        if self.from_logits and classes == 1:
            raise ValueError(
                "Logits must have at least two classes, of which the probabilities are the softmax. "
                f"Received: y_pred shape={tuple(shape)}"
            )
        if self.class_weights is not None and classes not in (None, len(self.class_weights)):
            raise ValueError(
                "`class_weights` must hold one number for each class. "
                f"Received: class_weights={self.class_weights}, y_pred shape={tuple(shape)}"
            )


def _check_class_weights(class_weights) -> None:
    check_numbers(class_weights=class_weights)
    if min(class_weights) < 0 or max(class_weights) == 0:
        raise ValueError(f"`class_weights` must not be negative, nor all 0. Received: class_weights={class_weights!r}")


def check_finite_non_negative(**values) -> None:
    check_number(**values)
    check_non_negative(**values)


def pixel_axes(x) -> tuple[int, ...]:
    return tuple(range(1, len(x.shape) - 1))


def _all_but_first(x) -> tuple[int, ...]:
    return tuple(range(1, len(x.shape)))


def tversky_distance(y_true, probabilities, alpha: float, beta: float, smooth: float):
    """`1 - (TP + smooth) / (TP + alpha * FP + beta * FN + smooth)` of each class in each image.

    Summed up are the errors themselves: no small difference of large sums, and an exact 0 where there are none.
    """
    hits = y_true * probabilities
    errors = ops.sum(alpha * (probabilities - hits) + beta * (y_true - hits), axis=pixel_axes(hits))
    return errors / (ops.sum(hits, axis=pixel_axes(hits)) + errors + smooth)


def safe_log(p):
    """Of NaN, value and gradient are NaN."""
    return ops.log(ops.where(p < _EPSILON, _EPSILON, p))


def log_complements(log_p):
    """`log(1 - p)` of probabilities that add up to one over the last axis, without cancellation.

    Of the one that is above a half, it is the logarithm of the sum of the others.
    """
    is_large = log_p > math.log(0.5)
    others = ops.logsumexp(ops.where(is_large, _LOWEST, log_p), axis=-1, keepdims=True)
    small = ops.where(is_large, math.log(0.5), log_p)
    return ops.where(is_large, others, ops.log1p(-ops.exp(small)))


def power(x, exponent: float):
    """`x ** exponent` of what is not negative. The gradient at 0 is 0 where it would be infinite."""
    if exponent == 0:
        return ops.ones_like(x)
    if exponent == 1:
        return x
    if exponent == 2:
        return ops.square(x)
    is_zero = x <= 0
    return ops.where(is_zero, 0, ops.where(is_zero, 1, x) ** exponent)
