import warnings

import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_positive, check_rank, check_rate, check_same_shape
from dl_techniques._precision import at_least, at_least_float32, mean_over
from dl_techniques._serialization import serializable

_TINY = 1e-37


@serializable
class GoodhartAwareLoss(keras.losses.Loss):
    """Cross entropy that is harder to game: it rewards doubt, and charges for what predictions say of their inputs.

    A measure that becomes a target is no good measure any more: cross entropy alone is lowered by predictions that are
    surer than they should be. The second term is the confidence penalty; a weight of 0.1 makes predictions too unsure
    where classes are easily told apart, and 0.001 may do. The third is the mutual information of inputs and predicted
    classes, as an information bottleneck limits it. Both pull in opposite directions, as that information grows with
    the doubt that is lost.

    Formula, computed in float32, for predicted probabilities `p_b`, their mean over the batch `m`, the entropy `H` and
    the target smoothed to `t = (1 - label_smoothing) y + label_smoothing / classes`:
    `loss_b = -sum_k t_bk log(p_bk) - entropy_weight * H(p_b) + mi_weight * sum_k p_bk log(p_bk / m_k)`

    The mean of the last sum over the batch is the mutual information `H(m) - mean_b H(p_b)`. It is estimated from the
    batch, and at most the logarithm of its size. `m` is the mean of the batch whatever the sample weights are.

    Args:
        label_smoothing: float in [0, 1).
        entropy_weight: float >= 0. More than 1 outweighs the cross entropy, and is warned of.
        mi_weight: float >= 0. More than 0.1 is warned of.
        from_logits: bool, whether `y_pred` are logits, or else probabilities.
        epsilon: float in (0, 0.1). Probabilities below count as this one, and those above 1 as 1. Logits need no such
            limit.
        reduction: see `keras.losses.Loss`.
        name: str.

    Input shape:
        `y_true`: one-hot, `(batch, classes)`. `y_pred`: of the same shape.

    Output shape:
        `(batch,)` without reduction.

    Example:

    >>> loss = GoodhartAwareLoss()
    >>> y_true = keras.ops.one_hot(keras.ops.convert_to_tensor([3, 7]), 10)
    >>> round(float(loss(y_true, keras.ops.zeros((2, 10)))), 4)
    2.0723

    References:
        - Pereyra et al., "Regularizing Neural Networks by Penalizing Confident Output Distributions", arXiv:1701.06548
        - Tishby, Pereira and Bialek, "The information bottleneck method", arXiv:physics/0004057
        - Alemi et al., "Deep Variational Information Bottleneck", arXiv:1612.00410
    """

    def __init__(
        self,
        label_smoothing: float = 0.0,
        entropy_weight: float = 0.1,
        *,
        mi_weight: float = 0.01,
        from_logits: bool = True,
        epsilon: float = 1e-8,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "goodhart_aware_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_rate(label_smoothing=label_smoothing)
        check_non_negative(entropy_weight=entropy_weight, mi_weight=mi_weight)
        check_positive(epsilon=epsilon)
        if epsilon >= 0.1:
            raise ValueError(f"`epsilon` must lie between 0 and 0.1. Received: epsilon={epsilon}")
        for argument, weight, limit in (("entropy_weight", entropy_weight, 1), ("mi_weight", mi_weight, 0.1)):
            if weight > limit:
                warnings.warn(
                    f"Above {limit} the cross entropy may be outweighed. Received: {argument}={weight}", stacklevel=2
                )
        self.label_smoothing = label_smoothing
        self.entropy_weight = entropy_weight
        self.mi_weight = mi_weight
        self.from_logits = from_logits
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        cross_entropy, entropy, information = self._terms(y_true, y_pred)
        return cross_entropy - self.entropy_weight * entropy + self.mi_weight * information

    def _terms(self, y_true, y_pred):
        """Cross entropy, entropy and what the mutual information is the mean of, for each example."""
        y_pred = at_least_float32(ops.convert_to_tensor(y_pred))
        y_true = ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype)
        check_same_shape(y_true, y_pred)
        check_rank(y_pred.shape, 2)
        target = (1 - self.label_smoothing) * y_true + self.label_smoothing / y_pred.shape[-1]
        if self.from_logits:
            log_p = ops.log_softmax(y_pred, axis=-1)
            p = ops.exp(log_p)
        else:
            p = at_least(ops.where(y_pred > 1, ops.ones_like(y_pred), y_pred), self.epsilon)
            log_p = ops.log(p)
        log_mean = ops.log(at_least(mean_over(p, axis=0), _TINY))
        terms = target * -log_p, p * -log_p, p * (log_p - log_mean)
        return [ops.sum(term, axis=-1) for term in terms]


def analyze_goodhart_loss_components(loss_fn: GoodhartAwareLoss, y_true, y_pred) -> dict[str, float]:
    """What a Goodhart-aware loss consists of.

    Args:
        loss_fn: the loss, for its arguments.
        y_true: as the loss takes it.
        y_pred: as the loss takes it.

    Returns:
        A dictionary of numbers:

        - `total_loss`, and the means over the batch that it is made of: `cross_entropy`, `entropy` and
          `mutual_information`, without their weights.
        - `entropy_weight` and `mi_weight`.
        - `cross_entropy_percent`, `entropy_percent` and `mutual_information_percent`: the magnitude of each, weighted,
          in per cent of the sum of all three.

    Example:

    >>> y_true = keras.ops.one_hot(keras.ops.convert_to_tensor([3, 7]), 10)
    >>> parts = analyze_goodhart_loss_components(GoodhartAwareLoss(), y_true, keras.ops.zeros((2, 10)))
    >>> round(parts["cross_entropy"], 4), round(parts["entropy"], 4), round(parts["entropy_percent"], 2)
    (2.3026, 2.3026, 9.09)
    """
    terms = [ops.convert_to_numpy(term).astype("float64") for term in loss_fn._terms(y_true, y_pred)]
    names = ("cross_entropy", "entropy", "mutual_information")
    means = [float(term.sum() / max(len(term), 1)) for term in terms]
    signed = (1.0, -loss_fn.entropy_weight, loss_fn.mi_weight)
    weighted = [weight * mean for weight, mean in zip(signed, means, strict=True)]
    magnitude = sum(map(abs, weighted)) or 1.0
    return {
        "total_loss": sum(weighted),
        **dict(zip(names, means, strict=True)),
        "entropy_weight": loss_fn.entropy_weight,
        "mi_weight": loss_fn.mi_weight,
        **{f"{name}_percent": 100 * abs(part) / magnitude for name, part in zip(names, weighted, strict=True)},
    }
