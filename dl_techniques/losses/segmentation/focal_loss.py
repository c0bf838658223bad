from collections.abc import Sequence

from keras import ops

from dl_techniques._checks import check_number, check_positive
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import (
    SegmentationLoss,
    check_finite_non_negative,
    power,
)


@serializable
class FocalLoss(SegmentationLoss):
    """Cross entropy of each pixel, in which those that are right already count little.

    For images of mostly easy pixels, whose many small losses would outweigh the few hard ones. Here the classes
    exclude each other; for scores that do not, as those of a detector, there is
    `keras.losses.BinaryFocalCrossentropy`.

    Formula, computed in float32 at least: `mean over pixels of -alpha * sum_c w_c * y_c * (1 - p_c)^gamma * log(p_c)`.
    Probabilities are at least 1e-7 in it; with logits there is no bound. With `gamma=0` it is `alpha` times the cross
    entropy.

    Args:
        gamma: float >= 0, how little easy pixels count.
        alpha: float > 0, a factor. The paper's weight of the positives of two classes is `class_weights`.
        class_weights: list of floats >= 0, the factors `w_c`, or None for ones. The loss is not divided by them.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is `(batch,)`.

    Example:

    >>> y_true = keras.ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> y_pred = keras.ops.array([[[0.8, 0.2], [0.4, 0.6]]])
    >>> print(round(float(FocalLoss()(y_true, y_pred)), 4))
    0.0113

    References:
        Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002
    """

    def __init__(
        self,
        gamma: float = 2.0,
        alpha: float = 0.25,
        *,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "focal_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )
        check_finite_non_negative(gamma=gamma)
        check_number(alpha=alpha)
        check_positive(alpha=alpha)
        self.gamma = gamma
        self.alpha = alpha

    def per_image(self, y_true, y_pred):
        log_p = self.log_probabilities(y_pred)
        costs = y_true * power(1 - ops.exp(log_p), self.gamma) * log_p
        return -self.alpha * self.sum_of_classes(costs)
