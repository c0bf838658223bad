from collections.abc import Sequence

from keras import ops

from dl_techniques._checks import check_number, check_positive, check_share
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import (
    SegmentationLoss,
    log_complements,
    safe_log,
    tversky_distance,
)


@serializable
class ComboLoss(SegmentationLoss):
    """A weighted cross entropy and the Dice loss, added.

    For small regions among much background: the Dice term balances the classes, the cross entropy gives a steady
    gradient, and `beta` says whether misses or false alarms cost more in it.

    Formula, computed in float32 at least: `alpha * CE + (1 - alpha) * Dice`, with the Dice loss of `DiceLoss` and
    `CE = -mean over pixels and classes of beta * y * log(p) + (1 - beta) * (1 - y) * log(1 - p)`. The paper subtracts
    the Dice coefficient where the Dice loss is added here, which is less by `1 - alpha`, so that 0 is the best value.
    `alpha=0` leaves the Dice loss. What logarithms are taken of is at least 1e-7; with logits there is no bound.

    Args:
        alpha: float in [0, 1], the share of the cross entropy.
        beta: float in [0, 1], the share of the pixels of a class in it. Above 1/2 misses cost more than false alarms.
        smooth: float > 0. It is what an absent class is divided by in the Dice loss.
        class_weights: list of floats >= 0, the weights of the classes in both means, or None for equal ones.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is `(batch,)`.

    Example:

    >>> y_true = keras.ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> y_pred = keras.ops.array([[[0.8, 0.2], [0.4, 0.6]]])
    >>> print(round(float(ComboLoss()(y_true, y_pred)), 4))
    0.2433

    References:
        Taghanaki et al., "Combo Loss: Handling Input and Output Imbalance in Multi-Organ Segmentation",
        arXiv:1805.02798
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        *,
        smooth: float = 1e-6,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "combo_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )
        check_share(alpha=alpha, beta=beta)
        check_number(smooth=smooth)
        check_positive(smooth=smooth)
        self.alpha = alpha
        self.beta = beta
        self.smooth = smooth

    def per_image(self, y_true, y_pred):
        log_p = self.log_probabilities(y_pred)
        p = ops.exp(log_p) if self.from_logits else self.probabilities(y_pred)
        log_not_p = log_complements(log_p) if self.from_logits else safe_log(1 - p)
        logs = self.beta * y_true * log_p + (1 - self.beta) * (1 - y_true) * log_not_p
        dice = tversky_distance(y_true, p, 0.5, 0.5, self.smooth / 2)
        return (1 - self.alpha) * self.mean_of_classes(dice) - self.alpha * self.mean_of_classes(logs)
