from dl_techniques.losses.detection.classification_focal_loss import ClassificationFocalLoss as ClassificationFocalLoss
from dl_techniques.losses.detection.dice_focal_segmentation_loss import (
    DiceFocalSegmentationLoss as DiceFocalSegmentationLoss,
)
from dl_techniques.losses.detection.yolov12_multi_task_loss import YOLOv12MultiTaskLoss as YOLOv12MultiTaskLoss
from dl_techniques.losses.detection.yolov12_object_detection_loss import (
    YOLOv12ObjectDetectionLoss as YOLOv12ObjectDetectionLoss,
)
