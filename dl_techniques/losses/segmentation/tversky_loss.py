from collections.abc import Sequence

from dl_techniques._checks import check_number, check_positive
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss, check_finite_non_negative, tversky_distance


@serializable
class TverskyLoss(SegmentationLoss):
    """One minus the Tversky index: a Dice loss in which misses and false alarms need not cost the same.

    For small regions that must not be missed, lesions above all: with `beta > alpha` it trades precision for recall.

    Formula, computed in float32 at least: the mean over classes of
    `1 - (TP + smooth) / (TP + alpha * FP + beta * FN + smooth)` with `TP = sum(y * p)`, `FP = sum((1 - y) * p)` and
    `FN = sum(y * (1 - p))` over the pixels of an image. With `alpha = beta = 0.5` it is the Dice loss of twice the
    `smooth`, with `alpha = beta = 1` the Jaccard loss. It is 0 for a perfect prediction of ones and zeros, also of a
    class that is absent.

    Args:
        alpha: float >= 0, what a false alarm costs.
        beta: float >= 0, what a miss costs. Not both may be 0.
        smooth: float > 0. It is what an absent class is divided by: with `smooth` far below one, any trace of that
            class costs 1.
        class_weights: list of floats >= 0, the weights of the classes in the mean, or None for equal ones.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is `(batch,)`.

    Example:

    >>> y_true = keras.ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> y_pred = keras.ops.array([[[0.8, 0.2], [0.4, 0.6]]])
    >>> print(round(float(TverskyLoss()(y_true, y_pred)), 4))
    0.3035

    References:
        Salehi, Erdogmus and Gholipour, "Tversky Loss Function for Image Segmentation Using 3D Fully Convolutional
        Deep Networks", arXiv:1706.05721
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        *,
        smooth: float = 1e-6,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )
        check_finite_non_negative(alpha=alpha, beta=beta)
        if alpha == beta == 0:
            raise ValueError(f"`alpha` and `beta` must not both be 0. Received: alpha={alpha}, beta={beta}")
        check_number(smooth=smooth)
        check_positive(smooth=smooth)
        self.alpha = alpha
        self.beta = beta
        self.smooth = smooth

    def per_image(self, y_true, y_pred):
        return self.mean_of_classes(self._distance(y_true, y_pred))

    def _distance(self, y_true, y_pred):
        return tversky_distance(y_true, self.probabilities(y_pred), self.alpha, self.beta, self.smooth)
