from collections.abc import Sequence

from keras import ops

from dl_techniques._checks import check_number, check_positive
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss, pixel_axes, tversky_distance


@serializable
class DiceLoss(SegmentationLoss):
    """One minus the Dice coefficient, the F1 score of the pixels of a class.

    For regions that are small beside the background: each class counts alike, however few its pixels are. Its
    gradient is less steady than that of the cross entropy, to which it is often added.

    Formula, computed in float32 at least, with sums over the pixels of an image: the mean over classes of
    `1 - (2 * sum(y * p) + smooth) / (sum(y) + sum(p) + smooth)`. With `squared` the denominator has `sum(y^2)` and
    `sum(p^2)`. Either is 0 for a perfect prediction of ones and zeros, also of a class that is absent.

    Args:
        smooth: float > 0. It is what an absent class is divided by: with `smooth` far below one, any trace of that
            class costs 1.
        squared: bool, whether to square in the denominator, as V-Net does. Soft targets have their minimum at `p = y`
            then.
        class_weights: list of floats >= 0, the weights of the classes in the mean, or None for equal ones.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is `(batch,)`.

    Example:

    >>> y_true = keras.ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> y_pred = keras.ops.array([[[0.8, 0.2], [0.4, 0.6]]])
    >>> print(round(float(DiceLoss()(y_true, y_pred)), 4))
    0.303

    References:
        - Milletari, Navab and Ahmadi, "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image
          Segmentation", arXiv:1606.04797
        - Sudre et al., "Generalised Dice Overlap as a Deep Learning Loss Function for Highly Unbalanced
          Segmentations", arXiv:1707.03237
    """

    def __init__(
        self,
        smooth: float = 1e-6,
        squared: bool = False,
        *,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )
        check_number(smooth=smooth)
        check_positive(smooth=smooth)
        self.smooth = smooth
        self.squared = squared

    def per_image(self, y_true, y_pred):
        p = self.probabilities(y_pred)
        distance = self._squared_distance(y_true, p) if self.squared else self._distance(y_true, p)
        return self.mean_of_classes(distance)

    def _distance(self, y_true, p):
        return tversky_distance(y_true, p, 0.5, 0.5, self.smooth / 2)

    def _squared_distance(self, y_true, p):
        axes = pixel_axes(p)
        size = ops.sum(ops.square(y_true) + ops.square(p), axis=axes)
        return ops.sum(ops.square(y_true - p), axis=axes) / (size + self.smooth)
