from dl_techniques import metrics
from dl_techniques.catalogue._technique import Function, Technique
from dl_techniques.catalogue.values import boxes, detections

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        metrics.MeanAveragePrecision,
        {"num_classes": 2, "iou_thresholds": [0.1, 0.3], "max_detections": 5, "score_bins": 10},
        inputs=((3, 5, 5), (3, 7, 6)),
        values=(boxes(2), detections(2)),
        paper="arXiv:1405.0312",
        rejects=(
            {"num_classes": 0},
            {"iou_thresholds": []},
            {"iou_thresholds": [0.0]},
            {"iou_thresholds": 0.5},
            {"max_detections": 0},
            {"score_bins": 0},
        ),
        rejects_inputs=(((5, 5), (3, 7, 6)), ((3, 5, 5), (7, 6)), ((3, 5, 5), (2, 7, 6))),
    ),
)

FUNCTIONS: tuple[Function, ...] = ()
