from collections.abc import Sequence

from dl_techniques._checks import check_number, check_positive
from dl_techniques._serialization import serializable
from dl_techniques.losses.segmentation._parts import power
from dl_techniques.losses.segmentation.tversky_loss import TverskyLoss


@serializable
class FocalTverskyLoss(TverskyLoss):
    """The Tversky loss of each class to a power, which says how much the classes that go badly count.

    For several small regions, some of which are hard to find. With an exponent below one, as the paper has it, the
    gradient grows as a class comes close to being right; with one above, classes that go badly count more.

    Formula, computed in float32 at least: the mean over classes of `d^exponent`, where `d` is the Tversky loss of a
    class in an image. The paper's exponent is `1 / gamma` with `gamma = 4/3`, so 0.75; some implementations call the
    exponent itself gamma. With `exponent=1` it is the Tversky loss. For exponents below one the gradient at `d = 0`
    would be infinite, and is 0.

    Args:
        alpha: float >= 0, what a false alarm costs.
        beta: float >= 0, what a miss costs. Not both may be 0.
        exponent: float > 0.
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
    >>> print(round(float(FocalTverskyLoss()(y_true, y_pred)), 4))
    0.4075

    References:
        Abraham and Khan, "A Novel Focal Tversky Loss Function with Improved Attention U-Net for Lesion Segmentation",
        arXiv:1810.07842
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        *,
        exponent: float = 0.75,
        smooth: float = 1e-6,
        class_weights: Sequence[float] | None = None,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "focal_tversky_loss",
        **kwargs,
    ):
        super().__init__(
            alpha,
            beta,
            smooth=smooth,
            class_weights=class_weights,
            from_logits=from_logits,
            reduction=reduction,
            name=name,
            **kwargs,
        )
        check_number(exponent=exponent)
        check_positive(exponent=exponent)
        self.exponent = exponent

    def per_image(self, y_true, y_pred):
        return self.mean_of_classes(power(self._distance(y_true, y_pred), self.exponent))
