from collections.abc import Sequence

from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss


@serializable
class SignedDistanceBoundaryLoss(SegmentationLoss):
    """The boundary loss: probabilities times the signed distances of the pixels to the true border.

    For small regions, beside a loss that sees regions, as `DiceLoss`, with a weight that grows during training. It
    says how far away a wrong pixel is, where losses of regions count it only. It is lowest, and negative, where the
    prediction is the region itself.

    Formula, computed in float32 at least: the mean over pixels and classes of `phi * p`. The target is not a mask but
    `phi`, computed beforehand: for each pixel the distance to the border of the region of the class, negative inside.
    With SciPy it is `distance_transform_edt(mask == 0) - distance_transform_edt(mask)` for each class, and 0
    everywhere for a class that is absent.

    Args:
        class_weights: list of floats >= 0, the weights of the classes in the mean, or None for equal ones. The
            background is left out by 0.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, the signed distances, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is
        `(batch,)`.

    Example:

    >>> distances = keras.ops.array([[[2.0], [1.0], [-1.0], [-1.0], [1.0], [2.0]]])
    >>> near = keras.ops.array([[[0.0], [1.0], [1.0], [0.0], [0.0], [0.0]]])
    >>> far = keras.ops.array([[[1.0], [1.0], [0.0], [0.0], [0.0], [0.0]]])
    >>> loss = SignedDistanceBoundaryLoss()
    >>> float(loss(distances, near)), float(loss(distances, far))
    (0.0, 0.5)

    References:
        Kervadec et al., "Boundary Loss for Highly Unbalanced Segmentation", arXiv:1812.07032
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "signed_distance_boundary_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )

    def per_image(self, y_true, y_pred):
        return self.mean_of_classes(y_true * self.probabilities(y_pred))
