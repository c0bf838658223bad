import math
from collections.abc import Sequence

from keras import ops

from dl_techniques._precision import at_least
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import SegmentationLoss
from dl_techniques.utils.tensors import reshape


@serializable
class LovaszSoftmaxLoss(SegmentationLoss):
    """The Lovasz extension of one minus the intersection over union.

    For models that are judged by the mean intersection over union. It is convex in the errors, and for predictions of
    zeros and ones it is exactly one minus that score. The authors train with cross entropy first, or with both.

    Formula, computed in float32 at least, for each class in each image: the errors `e_i = |y_i - p_i|` of the pixels
    in descending order, `sum_i e_i * (J_i - J_(i-1))`, where `J_i` is one minus the intersection over union if just
    the first `i` pixels are wrong, and `J_0 = 0`. Then the mean over the classes that the image shows; of an image
    that shows none it is 0.

    It sorts the pixels of each class, which takes longer than all else in it, and holds about ten times the memory of
    `y_pred`.

    Args:
        class_weights: list of floats >= 0, the weights of the classes in the mean, or None for equal ones.
        from_logits: bool, whether `y_pred` are logits, of which the probabilities are the softmax. Of probabilities,
            those outside of [0, 1] count as the nearest of the two.

    Shapes:
        `y_true`, one-hot, and `y_pred`: `(batch, ..., classes)`. Without reduction the result is `(batch,)`.

    Example:

    >>> y_true = keras.ops.array([[[1.0, 0.0], [0.0, 1.0]]])
    >>> y_pred = keras.ops.array([[[0.8, 0.2], [0.4, 0.6]]])
    >>> print(round(float(LovaszSoftmaxLoss()(y_true, y_pred)), 4))
    0.35

    References:
        Berman, Rannen Triki and Blaschko, "The Lovasz-Softmax Loss: A Tractable Surrogate for the Optimization of the
        Intersection-over-Union Measure in Neural Networks", arXiv:1705.08790
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "lovasz_softmax_loss",
        **kwargs,
    ):
        super().__init__(
            class_weights=class_weights, from_logits=from_logits, reduction=reduction, name=name, **kwargs
        )

    def per_image(self, y_true, y_pred):
        sizes = ops.sum(y_true, axis=tuple(range(1, len(y_true.shape) - 1)))
        losses = _lovasz_extension(_pixels_last(y_true - self.probabilities(y_pred)), sizes[..., None])
        weights = self._weighted(ops.cast(sizes > 0, losses.dtype), 1.0)
        total = ops.sum(weights, axis=-1)
        return ops.sum(weights * losses, axis=-1) / ops.where(total > 0, total, 1)


def _pixels_last(x):
    """`(batch, classes, pixels)`, so that what is sorted lies side by side."""
    batch, *sizes, classes = ops.shape(x)
    return ops.transpose(reshape(x, (batch, math.prod(sizes), classes)), (0, 2, 1))


def _lovasz_extension(errors, size):
    """Of errors `y - p` along the last axis, of which `size` pixels belong to the class.

    The sign tells those from the others, except at 0, where it does not matter.
    """
    errors = ops.take_along_axis(errors, ops.argsort(-ops.abs(errors), axis=-1), axis=-1)
    belongs = errors > 0
    found = ops.cast(ops.cumsum(ops.cast(belongs, "float32"), axis=-1), errors.dtype)
    number = ops.arange(1, ops.shape(errors)[-1] + 1, dtype=errors.dtype)
    # One more wrong pixel: the intersection loses it, or the union gains it.
    intersection, union = size - found, size + number - found
    steps = ops.where(belongs, 1, intersection / at_least(union - 1, 1)) / union
    return ops.sum(ops.abs(errors) * steps, axis=-1)
