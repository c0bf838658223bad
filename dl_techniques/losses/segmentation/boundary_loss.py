from collections.abc import Sequence

from keras import ops

from dl_techniques._checks import check_number, check_positive, check_rank
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss


@serializable
class BoundaryLoss(SegmentationLoss):
    """Squared errors of the pixels along the borders of the true regions.

    To sharpen outlines, beside a loss that sees the regions themselves, as `DiceLoss`: inside of a region this one is
    blind. The boundary loss of Kervadec et al. is `SignedDistanceBoundaryLoss`.

    Formula, computed in float32 at least: the mean over pixels and classes of `w * (y - p)^2` with
    `w = min(|grad y|, theta) / theta`. The gradient is Sobel's, `[1, 2, 1]` across `[-1, 0, 1]`, not scaled: its
    length is 4 on both sides of a straight border. The frame of the image is no border.

    Args:
        theta: float > 0, the length from which on a gradient counts fully.
        class_weights: list of floats >= 0, the weights of the classes in the mean, or None for equal ones.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, height, width, classes)`. Without reduction the result is
        `(batch,)`.

    Example:

    >>> y_true = keras.ops.one_hot([[[0, 0, 0, 1, 1, 1]] * 3], 2)
    >>> inside, border = keras.ops.one_hot([[[[1, 0, 0, 1, 1, 1]] * 3], [[[0, 0, 1, 1, 1, 1]] * 3]], 2)
    >>> loss = BoundaryLoss()
    >>> print(round(float(loss(y_true, inside)), 4), round(float(loss(y_true, border)), 4))
    0.0 0.1667

    References:
        No paper.
    """

    def __init__(
        self,
        theta: float = 1.5,
        *,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "boundary_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )
        check_number(theta=theta)
        check_positive(theta=theta)
        self.theta = theta

    def per_image(self, y_true, y_pred):
        check_rank(y_pred.shape, 4)
        strength = _gradient_length(ops.stop_gradient(y_true)) / self.theta
        errors = ops.square(y_true - self.probabilities(y_pred))
        return self.mean_of_classes(ops.where(strength < 1, strength, 1) * errors)


def _gradient_length(images):
    """Of Sobel's gradient. The pixels of the frame go on outside."""
    x = ops.concatenate([images[:, :1], images, images[:, -1:]], axis=1)
    x = ops.concatenate([x[:, :, :1], x, x[:, :, -1:]], axis=2)
    across = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
    along = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    return ops.sqrt(ops.square(across[:, :, 2:] - across[:, :, :-2]) + ops.square(along[:, 2:] - along[:, :-2]))
