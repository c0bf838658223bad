import math
import warnings

import keras
import numpy as np
from keras import ops

from dl_techniques._checks import check_fraction, check_min_rank, check_positive, check_same_shape
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class CapsuleMarginLoss(keras.losses.Loss):
    """Margin loss of capsule networks: long capsules where a class is present, short ones where it is absent.

    For lengths of capsules, each of which says how likely its class is there. They need not add up to one, so several
    classes may be present at once. It is 0 where all lengths lie beyond their margins.

    Formula, with the length `v_k` of the capsule of class `k`:
    `loss = sum_k y_k max(0, positive_margin - v_k)^2 + downweight (1 - y_k) max(0, v_k - negative_margin)^2`

    Args:
        positive_margin: float between `negative_margin` and 1; a capsule whose class is present should be longer.
        negative_margin: float > 0; a capsule whose class is absent should be shorter. Margins less than 0.3 apart
            hardly tell classes apart, and are warned of.
        downweight: float in (0, 1], the weight of absent classes. They are many, and would shrink all capsules early
            in training. Less than 0.1 is warned of.
        reduction: see `keras.losses.Loss`.
        name: str.

    Input shape:
        `y_true`: one-hot, or several ones a row, `(batch, ..., classes)`. `y_pred`: lengths, of the same shape.

    Output shape:
        `(batch, ...)` without reduction.

    Example:

    >>> loss = CapsuleMarginLoss()
    >>> y_true = keras.ops.convert_to_tensor([[1.0, 0.0, 0.0]])
    >>> lengths = keras.ops.convert_to_tensor([[0.95, 0.05, 0.3]])
    >>> round(float(loss(y_true, lengths)), 4)
    0.02

    References:
        Sabour, Frosst and Hinton, "Dynamic Routing Between Capsules", arXiv:1710.09829, equation 4
    """

    def __init__(
        self,
        positive_margin: float = 0.9,
        negative_margin: float = 0.1,
        *,
        downweight: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "capsule_margin_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        _check_margins(positive_margin, negative_margin, downweight)
        if positive_margin - negative_margin < 0.3:
            warnings.warn(
                "Margins less than 0.3 apart hardly tell classes apart. "
                f"Received: positive_margin={positive_margin}, negative_margin={negative_margin}",
                stacklevel=2,
            )
        if downweight < 0.1:
            warnings.warn(
                f"Below 0.1 absent classes hardly count. Received: downweight={downweight}",
                stacklevel=2,
            )
        self.positive_margin = positive_margin
        self.negative_margin = negative_margin
        self.downweight = downweight

    def call(self, y_true, y_pred):
        return capsule_margin_loss(
            y_true,
            y_pred,
            positive_margin=self.positive_margin,
            negative_margin=self.negative_margin,
            downweight=self.downweight,
        )


def capsule_margin_loss(
    y_true, y_pred, *, positive_margin: float = 0.9, negative_margin: float = 0.1, downweight: float = 0.5
):
    """The margin loss of each example, as `CapsuleMarginLoss` without reduction.

    Args:
        y_true: one-hot, or several ones a row, `(batch, ..., classes)`.
        y_pred: lengths of capsules, of the same shape.
        positive_margin: float between `negative_margin` and 1.
        negative_margin: float > 0.
        downweight: float in (0, 1], the weight of absent classes.

    Returns:
        Tensor `(batch, ...)`, in float32 at least.

    Example:

    >>> losses = capsule_margin_loss([[1, 0, 0], [0, 0, 1]], [[0.4, 0.6, 0.1], [0.0, 0.1, 0.9]])
    >>> print(keras.ops.convert_to_numpy(losses).round(4))
    [0.375 0.   ]
    """
    _check_margins(positive_margin, negative_margin, downweight)
    present, absent = _costs(y_true, y_pred, positive_margin, negative_margin, downweight)
    return ops.sum(present + absent, axis=-1)


def analyze_margin_loss_components(loss_fn: CapsuleMarginLoss, y_true, y_pred) -> dict[str, float]:
    """What a margin loss consists of.

    Args:
        loss_fn: the loss, for its margins and its weight.
        y_true: as the loss takes it.
        y_pred: as the loss takes it.

    Returns:
        A dictionary of numbers, 0 where there is nothing to take a mean of:

        - `total_loss`, `positive_loss` of present classes and `negative_loss` of absent ones, weight included: means
          over examples.
        - `positive_contribution`, `negative_contribution`: how much of the total these are, in per cent.
        - `average_present_length`, `average_absent_length`, and `margin_gap`, the first less the second.
        - `present_below_margin`, `absent_above_margin`: the fraction of capsules on the wrong side of their margin.

    Example:

    >>> parts = analyze_margin_loss_components(CapsuleMarginLoss(), [[1, 0, 0]], [[0.4, 0.6, 0.1]])
    >>> round(parts["positive_contribution"], 2), round(parts["margin_gap"], 2), parts["absent_above_margin"]
    (66.67, 0.05, 0.5)
    """
    arguments = loss_fn.positive_margin, loss_fn.negative_margin, loss_fn.downweight
    costs = [_as_float64(cost) for cost in _costs(y_true, y_pred, *arguments)]
    present, lengths = _as_float64(y_true), _as_float64(y_pred)
    absent = 1 - present
    examples = math.prod(lengths.shape[:-1])
    positive, negative = (_ratio(cost.sum(), examples) for cost in costs)
    present_length, absent_length = _mean(lengths, present), _mean(lengths, absent)
    return {
        "total_loss": positive + negative,
        "positive_loss": positive,
        "negative_loss": negative,
        "positive_contribution": 100 * _ratio(positive, positive + negative),
        "negative_contribution": 100 * _ratio(negative, positive + negative),
        "average_present_length": present_length,
        "average_absent_length": absent_length,
        "margin_gap": present_length - absent_length,
        "present_below_margin": _mean(costs[0] > 0, present),
        "absent_above_margin": _mean(costs[1] > 0, absent),
    }


def _check_margins(positive_margin: float, negative_margin: float, downweight: float) -> None:
    check_positive(positive_margin=positive_margin, negative_margin=negative_margin)
    if not negative_margin < positive_margin < 1:
        raise ValueError(
            "`positive_margin` must lie between `negative_margin` and 1. "
            f"Received: positive_margin={positive_margin}, negative_margin={negative_margin}"
        )
    check_fraction(downweight=downweight)


def _costs(y_true, y_pred, positive_margin: float, negative_margin: float, downweight: float):
    """What each capsule costs where its class is present, and where it is absent."""
    lengths = at_least_float32(ops.convert_to_tensor(y_pred))
    present = ops.cast(ops.convert_to_tensor(y_true), lengths.dtype)
    check_same_shape(present, lengths)
    check_min_rank(lengths.shape, 2)
    nothing = ops.zeros_like(lengths)
    missing = ops.where(lengths > positive_margin, nothing, positive_margin - lengths)
    excess = ops.where(lengths < negative_margin, nothing, lengths - negative_margin)
    # Squares might overflow, and 0 times infinity is no number.
    return present * missing * missing, downweight * (1 - present) * excess * excess


def _as_float64(x) -> np.ndarray:
    return ops.convert_to_numpy(x).astype("float64")


def _mean(x: np.ndarray, weights: np.ndarray) -> float:
    return _ratio((x * weights).sum(), weights.sum())


def _ratio(x: float, y: float) -> float:
    return float(x / y) if y else 0.0
