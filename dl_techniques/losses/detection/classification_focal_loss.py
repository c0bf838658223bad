import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_same_shape, check_share
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.losses.detection._focal import binary_focal, log_odds


@serializable
class ClassificationFocalLoss(keras.losses.Loss):
    """Focal loss of classes that an image may have any number of: mostly of those that are still mistaken.

    What a `YOLOv12ClassificationHead` is trained with.

    Formula: `mean(-alpha y (1 - p)^gamma log p - (1 - alpha) (1 - y) p^gamma log(1 - p))` over the classes of an
    example, with `p = sigmoid(y_pred)` where that is logits. As `keras.losses.BinaryFocalCrossentropy` with class
    balancing, but from the logits themselves, so that no sure mistake is cut off, and one number for each example also
    where it has several axes.

    Args:
        alpha: float from 0 to 1, weight of the classes that are there; the others have `1 - alpha`.
        gamma: float >= 0, how much less those count that are right; 0 for the cross entropy.
        from_logits: bool, whether predictions are logits, else probabilities.

    Input shape:
        `y_true` and `y_pred`: `(batch, ..., classes)`; targets are 0 or 1, or between them.

    Output shape:
        `(batch,)` before the reduction.

    Example:

    >>> loss = ClassificationFocalLoss(from_logits=False)
    >>> round(float(loss(keras.ops.array([[1.0, 0.0]]), keras.ops.array([[0.5, 0.5]]))), 4)
    0.0866

    References:
        Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002
    """

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        *,
        from_logits: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "classification_focal_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_share(alpha=alpha)
        check_non_negative(gamma=gamma)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        check_same_shape(y_true, y_pred)
        y_pred = at_least_float32(y_pred)
        log_p, log_q = log_odds(y_pred, self.from_logits)
        values = binary_focal(ops.cast(y_true, y_pred.dtype), log_p, log_q, self.alpha, self.gamma)
        return mean_over(values, axis=tuple(range(1, len(values.shape))))
