import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_positive_int, check_share
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.losses.detection._focal import (
    binary_focal,
    categorical_focal,
    log_distribution,
    log_odds,
)

# A class that is neither there nor predicted has the overlap 1.
_SMOOTH = 1e-6


@serializable
class DiceFocalSegmentationLoss(keras.losses.Loss):
    """Overlap of regions and focal loss of pixels, for small objects on a large background.

    What a `YOLOv12SegmentationHead` is trained with. The Dice term looks at each class as a whole, however few its
    pixels; the focal term at each pixel, mostly at those that are still mistaken.

    Formula: `dice_weight * D + focal_weight * F` for an image, with `p = sigmoid(y_pred)` of one class, the softmax of
    several:

    - `D = 1 - mean((2 sum(y p) + s) / (sum(y) + sum(p) + s))`, sums over the pixels, the mean over the classes,
      `s = 1e-6`;
    - `F = mean(-alpha y (1 - p)^gamma log p - (1 - alpha) (1 - y) p^gamma log(1 - p))` over the pixels, of one class;
    - `F = mean(-alpha sum_c y_c (1 - p_c)^gamma log p_c)` of several.

    Args:
        num_classes: int, number of classes; 1 for a single kind of object, whose background is no class.
        dice_weight: float >= 0, weight of the Dice term.
        focal_weight: float >= 0, weight of the focal term.
        focal_alpha: float from 0 to 1, `alpha`.
        focal_gamma: float >= 0, how much less those pixels count that are right.
        from_logits: bool, whether predictions are logits, else probabilities.

    Input shape:
        - `y_true`: class numbers, `(batch, height, width)` or `(batch, height, width, 1)`, of one class 0 or 1; or
          one-hot, `(batch, height, width, num_classes)`. A pixel of another number has no class.
        - `y_pred`: `(batch, height, width, num_classes)`.

    Output shape:
        `(batch,)` before the reduction.

    Example:

    >>> loss = DiceFocalSegmentationLoss(num_classes=2)
    >>> mask = keras.ops.array([[[0, 1], [1, 1]]])
    >>> round(float(loss(mask, keras.ops.zeros((1, 2, 2, 2)))), 4)
    0.2883

    References:
        - Milletari et al., "V-Net: Fully Convolutional Neural Networks for Volumetric Medical Image Segmentation",
          arXiv:1606.04797; without its squares
        - Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002
    """

    def __init__(
        self,
        num_classes: int = 1,
        dice_weight: float = 0.5,
        *,
        focal_weight: float = 0.5,
        focal_alpha: float = 0.25,
        focal_gamma: float = 2.0,
        from_logits: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice_focal_segmentation_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_positive_int(num_classes=num_classes)
        check_non_negative(dice_weight=dice_weight, focal_weight=focal_weight, focal_gamma=focal_gamma)
        check_share(focal_alpha=focal_alpha)
        self.num_classes = num_classes
        self.dice_weight = dice_weight
        self.focal_weight = focal_weight
        self.focal_alpha = focal_alpha
        self.focal_gamma = focal_gamma
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        y_pred = at_least_float32(y_pred)
        y_true = self._one_hot(y_true, y_pred)
        if self.num_classes == 1:
            log_p, log_q = log_odds(y_pred, self.from_logits)
            focal = binary_focal(y_true, log_p, log_q, self.focal_alpha, self.focal_gamma)
        else:
            log_p = log_distribution(y_pred, self.from_logits)
            focal = categorical_focal(y_true, log_p, self.focal_alpha, self.focal_gamma)
        p = ops.exp(log_p) if self.from_logits else y_pred
        pixels = (1, 2)
        both = ops.sum(y_true * p, axis=pixels)
        either = ops.sum(y_true, axis=pixels) + ops.sum(p, axis=pixels)
        dice = 1 - mean_over((2 * both + _SMOOTH) / (either + _SMOOTH), axis=-1)
        focal = mean_over(ops.sum(focal, axis=-1), axis=pixels)
        return self.dice_weight * dice + self.focal_weight * focal

    def _one_hot(self, y_true, y_pred):
        self._check(y_true, y_pred)
        if len(y_true.shape) == 4 and y_true.shape[-1] == self.num_classes:
            return ops.cast(y_true, y_pred.dtype)
        numbers = ops.cast(ops.reshape(y_true, ops.shape(y_pred)[:3]), "int32")
        if self.num_classes == 1:
            return ops.cast(numbers == 1, y_pred.dtype)[..., None]
        classes = ops.arange(self.num_classes, dtype="int32")
        return ops.cast(numbers[..., None] == classes, y_pred.dtype)

    def _check(self, y_true, y_pred) -> None:
        wanted = (*y_pred.shape[:3], *([] if len(y_true.shape) == 3 else [y_true.shape[-1]]))
        fits = len(y_pred.shape) == 4 and y_pred.shape[3] == self.num_classes and len(y_true.shape) == len(wanted)
        pairs = zip(y_true.shape, wanted, strict=False)
        has_classes = len(y_true.shape) == 3 or y_true.shape[-1] in (1, self.num_classes)
        if not fits or not has_classes or any(a != b for a, b in pairs if a is not None and b is not None):
            raise ValueError(
                f"`y_pred` must have the shape (batch, height, width, {self.num_classes}), and `y_true` the same, or "
                "class numbers in the place of the classes. "
                f"Received: y_true shape={tuple(y_true.shape)}, y_pred shape={tuple(y_pred.shape)}"
            )
