from collections.abc import Sequence

from keras import ops

from dl_techniques._checks import check_positive_int, check_rank
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss, check_finite_non_negative
from dl_techniques.utils.depthwise import depthwise_conv2d

# Twice the mean of five pixels.
_CROSS = ((0.0, 0.4, 0.0), (0.4, 0.4, 0.4), (0.0, 0.4, 0.0))


@serializable
class HausdorffLoss(SegmentationLoss):
    """An estimate of the Hausdorff distance by erosion: thick errors outlast more erosions than thin ones.

    To reduce the largest distance between the outlines, beside a loss of regions, as `DiceLoss`. Alone it is of no
    use: pixels that are wrong by less than about 0.7 it does not see, and lines of one or two pixels hardly.

    Formula, computed in float32 at least: `e_0 = (y - p)^2`, then `e_k = max(2 * conv(e_(k-1), B) - 1, 0)` where `B`
    is the cross of five pixels with 1/5 each and what lies outside of the image is 0. The loss is the mean over pixels
    and classes of `sum_k k^alpha * e_k` for `k` from 1 to `erosions`. The threshold of the convolution is the paper's
    1/2, and what is above is mapped to [0, 1] linearly, so that the inside of an error remains 1. Where it is divided
    by its largest value in the image instead, as is done elsewhere, lines never go away.

    For its gradient it holds all erosions: with 10 of them more than 20 times the memory of `y_pred`.

    Args:
        alpha: float >= 0, how much more the erosions that come later count.
        erosions: int >= 1. Each takes about 0.6 pixels off all sides of an error; how much thicker one is than they
            can take away does not count.
        class_weights: list of floats >= 0, the weights of the classes in the mean, or None for equal ones.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot or soft, and `y_pred`: `(batch, height, width, classes)`. Without reduction the result is
        `(batch,)`.

    Example:

    >>> background, loss = keras.ops.zeros((1, 16, 16, 1)), HausdorffLoss()
    >>> for width in (2, 4, 8):
    ...     stripe = keras.ops.pad(keras.ops.ones((1, 8, width, 1)), [(0, 0), (4, 4), (0, 16 - width), (0, 0)])
    ...     print(round(float(loss(background, stripe)), 3))
    0.031
    0.351
    2.513

    References:
        Karimi and Salcudean, "Reducing the Hausdorff Distance in Medical Image Segmentation with Convolutional Neural
        Networks", arXiv:1904.10030
    """

    def __init__(
        self,
        alpha: float = 2.0,
        erosions: int = 10,
        *,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hausdorff_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )
        check_finite_non_negative(alpha=alpha)
        check_positive_int(erosions=erosions)
        self.alpha = alpha
        self.erosions = erosions

    def per_image(self, y_true, y_pred):
        check_rank(y_pred.shape, 4)
        errors = ops.square(y_true - self.probabilities(y_pred))
        cross = _cross(errors)
        total = 0
        for k in range(1, self.erosions + 1):
            errors = ops.relu(depthwise_conv2d(errors, cross, padding="same") - 1)
            total = total + k**self.alpha * self.mean_of_classes(errors)
        return total


def _cross(images):
    """The kernel for each channel."""
    cross = ops.tile(ops.convert_to_tensor(_CROSS, dtype=images.dtype)[..., None, None], (1, 1, images.shape[-1], 1))
    # `depthwise_conv2d` keeps XLA from computing images anew for each tap of a kernel, unless that is a constant.
    return cross + 0 * ops.stop_gradient(ops.mean(images))
