from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_positive_int, is_int
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.losses.detection._assignment import best_anchors, rows_of, target_scores
from dl_techniques.utils.anchors import anchor_points, count_anchors, decode_boxes
from dl_techniques.utils.boxes import complete_iou

# Of a box, in pixels: the area of a thinner one may be 0.
_THINNEST = 1e-3


@serializable
class YOLOv12ObjectDetectionLoss(keras.losses.Loss):
    """What a `YOLOv12DetectionHead` is trained with: boxes, their distributions, and classes.

    Each box of the target gets up to ten anchors (cells of the three feature maps) whose predictions suit it best by
    now, in class and place together: task-aligned assignment. They learn the box; all anchors learn how sure to be of
    each class, from 0 far from any box to the overlap that is reached.

    Formula, with `s` the score of the class of a target, `u = max(CIoU, 0)` of the predicted box with it, and
    `t = s^alpha u^beta`:

    - the anchors of a target are the ten of the highest `t > 0` among those with their center inside of it; one that
      several targets want goes to that of the highest `u`;
    - the target score of an anchor is `w = t / max t * max u`, each largest among the anchors of its target, for the
      class of the target, and 0 else;
    - `loss = (box_weight sum w (1 - CIoU) + dfl_weight sum w DFL + cls_weight sum BCE) / max(1, sum w)`, where BCE is
      the binary cross entropy of all class logits with the target scores, and DFL the cross entropy of the two bins
      next to the true distance of a side, weighted by how near they are, averaged over the four sides. Distances are
      counted in strides and cut off at `reg_max - 1.01`.

    One number for the batch, as the sums go over all images; sample weights scale it as a whole. Of a batch without
    boxes only the classification term is left. Computed in float32 at least.

    Memory: the assignment compares all anchors with all targets, in two tensors of `batch * boxes * anchors` numbers
    where they are compiled into one pass, in about ten where each operation runs alone. For 16 images of 640 x 640
    pixels with 100 boxes that is 54 MB each. No gradients pass through it; what they pass through is as large as the
    predictions.

    Args:
        num_classes: int, number of classes.
        input_shape: two ints, height and width of the images in pixels, multiples of 32.
        reg_max: int >= 2, number of logits for each side of a box.
        box_weight: float >= 0, weight of the box term.
        cls_weight: float >= 0, weight of the classification term.
        dfl_weight: float >= 0, weight of the distribution focal term.
        assigner_alpha: float >= 0, the exponent of the score in `t`.
        assigner_beta: float >= 0, the exponent of the overlap in `t`.

    Input shape:
        - `y_true`: `(batch, boxes, 5)`, rows of class, left, top, right and bottom, in fractions of the image. Rows
          without an area, as those filled with 0 or with -1, are padding; so are those of an unknown class.
        - `y_pred`: `(batch, anchors, 4 * reg_max + num_classes)`, logits in the order of the head.

    Output shape:
        A scalar.

    Example:

    >>> loss = YOLOv12ObjectDetectionLoss(num_classes=3, input_shape=(64, 64))
    >>> boxes = keras.ops.array([[[2, 0.1, 0.2, 0.6, 0.7], [-1, -1, -1, -1, -1]]])
    >>> print(round(float(loss(boxes, keras.ops.zeros((1, 84, 4 * 16 + 3)))), 2))
    93.36

    References:
        - Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
        - Feng et al., "TOOD: Task-aligned One-stage Object Detection", arXiv:2108.07755
        - Li et al., "Generalized Focal Loss: Learning Qualified and Distributed Bounding Boxes for Dense Object
          Detection", arXiv:2006.04388
        - Zheng et al., "Distance-IoU Loss: Faster and Better Learning for Bounding Box Regression", arXiv:1911.08287
    """

    def __init__(
        self,
        num_classes: int = 1,
        input_shape: Sequence[int] = (256, 256),
        *,
        reg_max: int = 16,
        box_weight: float = 7.5,
        cls_weight: float = 0.5,
        dfl_weight: float = 1.5,
        assigner_alpha: float = 0.5,
        assigner_beta: float = 6.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "yolov12_object_detection_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_positive_int(num_classes=num_classes)
        _check_image(input_shape)
        if not is_int(reg_max) or reg_max < 2:
            raise ValueError(f"`reg_max` must be an integer >= 2. Received: reg_max={reg_max!r}")
        check_non_negative(box_weight=box_weight, cls_weight=cls_weight, dfl_weight=dfl_weight)
        check_non_negative(assigner_alpha=assigner_alpha, assigner_beta=assigner_beta)
        self.num_classes = num_classes
        self.input_shape = input_shape
        self.reg_max = reg_max
        self.box_weight = box_weight
        self.cls_weight = cls_weight
        self.dfl_weight = dfl_weight
        self.assigner_alpha = assigner_alpha
        self.assigner_beta = assigner_beta

    def call(self, y_true, y_pred):
        self._check(y_true, y_pred)
        y_pred = at_least_float32(y_pred)
        dtype = keras.backend.standardize_dtype(y_pred.dtype)
        batch, sides = ops.shape(y_pred)[0], 4 * self.reg_max
        anchors, logits = count_anchors(self.input_shape), sides + self.num_classes
        y_pred = ops.reshape(y_pred, (batch, anchors, logits))
        points, strides = anchor_points(self.input_shape, dtype)
        classes, boxes = self._targets(ops.cast(y_true, dtype))

        fixed = ops.stop_gradient(y_pred)
        log_metric, index = best_anchors(
            fixed[..., sides:],
            decode_boxes(fixed[..., :sides], points, strides),
            points,
            classes,
            boxes,
            alpha=self.assigner_alpha,
            beta=self.assigner_beta,
        )

        # The predictions of the candidates, (batch, boxes, candidates, logits). Each anchor has one box at most.
        rows = ops.arange(batch, dtype="int32")[:, None, None] * anchors + index
        candidates = rows_of(ops.reshape(y_pred, (batch * anchors, logits)), rows)
        points, strides = rows_of(points, index), rows_of(strides, index)
        boxes = boxes[:, :, None]
        overlap = complete_iou(decode_boxes(candidates[..., :sides], points, strides), boxes)
        weights = target_scores(log_metric, index, ops.relu(ops.stop_gradient(overlap)))

        distances = ops.concatenate([points - boxes[..., :2], boxes[..., 2:] - points], axis=-1) / strides
        shape = (*ops.shape(index), 4, self.reg_max)
        log_probabilities = ops.log_softmax(ops.reshape(candidates[..., :sides], shape), axis=-1)
        distribution = -ops.sum(two_bins(distances, self.reg_max) * log_probabilities, axis=-1)

        # As the cross entropy of a logit x with a target y is softplus(x) - x y, and few targets are above 0.
        of_class = ops.one_hot(classes, self.num_classes, dtype=dtype)[:, :, None]
        scores = ops.sum(candidates[..., sides:] * of_class, axis=-1)
        classification = ops.sum(ops.softplus(y_pred[..., sides:])) - ops.sum(weights * scores)

        total = (
            self.box_weight * ops.sum(weights * (1 - overlap))
            + self.dfl_weight * ops.sum(weights * ops.mean(distribution, axis=-1))
            + self.cls_weight * classification
        )
        return total / ops.maximum(ops.sum(weights), 1.0)

    def _targets(self, y_true):
        """Classes and boxes in pixels. What is none becomes the first pixel, where no cell has its center."""
        height, width = self.input_shape
        scale = ops.convert_to_tensor([width, height, width, height], dtype=y_true.dtype)
        classes, boxes = y_true[..., 0], y_true[..., 1:] * scale
        width, height = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
        has_area = ops.logical_and(width > _THINNEST, height > _THINNEST)
        is_known = ops.logical_and(classes > -0.5, classes < self.num_classes - 0.5)
        is_box = ops.logical_and(ops.logical_and(has_area, is_known), ops.all(ops.isfinite(boxes), axis=-1))
        pixel = ops.convert_to_tensor([0, 0, 1, 1], dtype=y_true.dtype)
        classes = ops.cast(ops.round(ops.where(is_box, classes, 0.0)), "int32")
        return classes, ops.where(is_box[..., None], boxes, pixel)

    def _check(self, y_true, y_pred) -> None:
        anchors, logits = count_anchors(self.input_shape), 4 * self.reg_max + self.num_classes
        if not _fits(y_true.shape, (None, None, 5)) or not _fits(y_pred.shape, (y_true.shape[0], anchors, logits)):
            raise ValueError(
                f"`y_true` must have the shape (batch, boxes, 5), and `y_pred` (batch, {anchors}, {logits}). "
                f"Received: y_true shape={tuple(y_true.shape)}, y_pred shape={tuple(y_pred.shape)}"
            )


def two_bins(distances, bins: int):
    """What a distribution over `0, ..., bins - 1` should be: that mean, from the two integers next to it.

    Args:
        distances: float tensor; cut off at 0 and `bins - 1.01`.
        bins: int.

    Returns:
        Tensor with a new last axis, over which it adds up to 1.
    """
    places = ops.arange(bins, dtype=keras.backend.standardize_dtype(distances.dtype))
    distances = ops.clip(distances, 0.0, bins - 1.01)
    return ops.relu(1 - ops.abs(distances[..., None] - places))


def _check_image(input_shape) -> None:
    sizes = tuple(input_shape) if isinstance(input_shape, Sequence) else ()
    if len(sizes) != 2 or not all(is_int(size) and size >= 1 and size % 32 == 0 for size in sizes):
        raise ValueError(
            f"`input_shape` must be height and width, multiples of 32. Received: input_shape={input_shape!r}"
        )


def _fits(shape, wanted) -> bool:
    if len(shape) != len(wanted):
        return False
    return all(size == other or None in (size, other) for size, other in zip(shape, wanted, strict=True))
