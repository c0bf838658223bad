from collections.abc import Sequence

from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss


@serializable
class SegmentationCrossEntropyLoss(SegmentationLoss):
    """Cross entropy of each pixel, with a weight for each class.

    The loss to start with. Pixels count alike, so large regions rule: weigh the classes, or add a loss of regions, as
    `DiceLoss`, where the regions that matter are small.

    Formula, computed in float32 at least: `mean over pixels of -sum_c w_c * y_c * log(max(p_c, 1e-7))`. With logits it
    is their log-softmax, without the bound.

    Args:
        class_weights: list of floats >= 0, the factors `w_c`, or None for ones. The loss is not divided by them.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is `(batch,)`.

    Example:

    >>> y_true = keras.ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> y_pred = keras.ops.array([[[0.8, 0.2], [0.4, 0.6]]])
    >>> print(round(float(SegmentationCrossEntropyLoss()(y_true, y_pred)), 4))
    0.367

    References:
        Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", arXiv:1411.4038
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "segmentation_cross_entropy_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )

    def per_image(self, y_true, y_pred):
        return -self.sum_of_classes(y_true * self.log_probabilities(y_pred))
