from collections.abc import Sequence

import keras

from dl_techniques._checks import check_non_negative, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.losses.detection.classification_focal_loss import ClassificationFocalLoss
from dl_techniques.losses.detection.dice_focal_segmentation_loss import DiceFocalSegmentationLoss
from dl_techniques.losses.detection.yolov12_object_detection_loss import YOLOv12ObjectDetectionLoss

# By the rank of the predictions.
_TASKS = {3: "detection", 4: "segmentation", 2: "classification"}


@serializable
class YOLOv12MultiTaskLoss(keras.losses.Loss):
    """The losses of a network with several heads on one set of feature maps, under one name.

    Give it to `compile` as the loss of all outputs, and each gets the loss of its task by the rank of its predictions,
    times the weight of the task: 3 for detection, 4 for segmentation, 2 for classification. Or take them apart, so
    that each is named and weighted on its own, with outputs named after the tasks:
    `model.compile(loss=loss.as_dict(), loss_weights=loss.get_task_weights())`.

    Formula: `weight * L`, with `YOLOv12ObjectDetectionLoss`, `DiceFocalSegmentationLoss` or `ClassificationFocalLoss`
    as `L`. Weights that are learnt belong into a model: see `dl_techniques.layers.UncertaintyWeighting`.

    Args:
        tasks: list of "detection", "segmentation" and "classification", each at most once.
        num_classes: int, number of classes of each task that has none of its own.
        num_detection_classes: int, or None for `num_classes`.
        num_segmentation_classes: int, or None for `num_classes`.
        num_classification_classes: int, or None for `num_classes`. It only checks the shape of the predictions.
        input_shape: two ints, height and width of the images in pixels, multiples of 32.
        reg_max: int >= 2, number of logits for each side of a box.
        detection_weight: float >= 0.
        segmentation_weight: float >= 0.
        classification_weight: float >= 0.

    Input shape:
        Those of the loss of the task.

    Output shape:
        Before the reduction a scalar for detection, `(batch,)` for the others.

    Example:

    >>> loss = YOLOv12MultiTaskLoss(["detection", "classification"], 3, input_shape=(64, 64), detection_weight=2.0)
    >>> print(sorted(loss.as_dict()), loss.get_task_weights())
    ['classification', 'detection'] {'detection': 2.0, 'classification': 1.0}
    >>> print(round(float(loss(keras.ops.ones((2, 3)), keras.ops.zeros((2, 3)))), 4))
    0.0433

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
    """

    def __init__(
        self,
        tasks: Sequence[str],
        num_classes: int = 80,
        *,
        num_detection_classes: int | None = None,
        num_segmentation_classes: int | None = None,
        num_classification_classes: int | None = None,
        input_shape: Sequence[int] = (640, 640),
        reg_max: int = 16,
        detection_weight: float = 1.0,
        segmentation_weight: float = 1.0,
        classification_weight: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "yolov12_multi_task_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        _check_tasks(tasks)
        check_positive_int(num_classes=num_classes)
        own = {
            "num_detection_classes": num_detection_classes,
            "num_segmentation_classes": num_segmentation_classes,
            "num_classification_classes": num_classification_classes,
        }
        check_positive_int(**{name: number for name, number in own.items() if number is not None})
        check_non_negative(
            detection_weight=detection_weight,
            segmentation_weight=segmentation_weight,
            classification_weight=classification_weight,
        )
        self.tasks = tasks
        self.num_classes = num_classes
        self.num_detection_classes = num_detection_classes
        self.num_segmentation_classes = num_segmentation_classes
        self.num_classification_classes = num_classification_classes
        self.input_shape = input_shape
        self.reg_max = reg_max
        self.detection_weight = detection_weight
        self.segmentation_weight = segmentation_weight
        self.classification_weight = classification_weight
        self._losses = {task: self._loss(task) for task in tasks}

    def call(self, y_true, y_pred):
        task = _TASKS.get(len(y_pred.shape))
        classes = self.num_classification_classes or self.num_classes
        if task not in self._losses or (task == "classification" and y_pred.shape[-1] != classes):
            ranks = [rank for rank, name in _TASKS.items() if name in self._losses]
            raise ValueError(
                f"`y_pred` must have a rank of {ranks}, by the tasks {list(self.tasks)}, and {classes} classes for "
                "classification. "
                f"Received: y_true shape={tuple(y_true.shape)}, y_pred shape={tuple(y_pred.shape)}"
            )
        return getattr(self, f"{task}_weight") * self._losses[task].call(y_true, y_pred)

    def as_dict(self) -> dict[str, keras.losses.Loss]:
        """The losses by the names of their tasks, each without the weight of its task."""
        return dict(self._losses)

    def get_task_weights(self) -> dict[str, float]:
        """The weights by the names of the tasks."""
        return {task: getattr(self, f"{task}_weight") for task in self.tasks}

    def _loss(self, task: str) -> keras.losses.Loss:
        common = {"reduction": self.reduction, "dtype": self.dtype}
        if task == "classification":
            return ClassificationFocalLoss(**common)
        if task == "segmentation":
            return DiceFocalSegmentationLoss(self.num_segmentation_classes or self.num_classes, **common)
        classes = self.num_detection_classes or self.num_classes
        return YOLOv12ObjectDetectionLoss(classes, self.input_shape, reg_max=self.reg_max, **common)


def _check_tasks(tasks) -> None:
    given = list(tasks) if isinstance(tasks, Sequence) and not isinstance(tasks, str) else []
    if not given or len(set(given)) < len(given) or not set(given) <= set(_TASKS.values()):
        raise ValueError(
            f"`tasks` must be a list of {sorted(_TASKS.values())}, each at most once, not empty. "
            f"Received: tasks={tasks!r}"
        )
