from dl_techniques import metrics
from dl_techniques.catalogue._exceptions import NAN_AMONG_THE_LARGEST, OF_SQUARES, everywhere
from dl_techniques.catalogue._technique import Function, Technique
from dl_techniques.catalogue.values import binary, boxes, detections, distributions, normal, one_hot, probabilities

_ON_CALIBRATION = "arXiv:1706.04599"
_MEASURING_CALIBRATION = "arXiv:1904.01685"
_BRIER = "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2"
_NOT_BINS = ({"num_bins": 0}, {"num_bins": 2.5})
_NOT_CLASSES = (((8, 4), (8, 3)), ((7,), (8, 4)), ((8, 4), (8,)), ((8, 1), (8, 1)))

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        metrics.BrierScoreMetric,
        {},
        inputs=((8, 3), (8, 3)),
        values=(binary, probabilities),
        paper=_BRIER,
        rejects=({"dtype": 3},),
        rejects_inputs=(((8, 3), (8, 2)), ((8, 3), (8,))),
        perfect=0.0,
    ),
    Technique(
        metrics.CLIPAccuracy,
        {"top_k": 2, "track_directions": True, "average_directions": False},
        inputs=((6,), (6, 6), (6, 6)),
        values=(normal, normal, normal),
        paper="arXiv:2103.00020",
        rejects=({"top_k": 0}, {"top_k": 1.5}, {"track_directions": False}),
        rejects_inputs=(((6,), (6, 3), (6, 3)), ((6,), (6, 6), (3, 3)), ((1,), (1, 1), (1, 1))),
        xfail={
            **everywhere("an_empty_batch_is_no_accident", "no rows of a matrix are no square matrix"),
            **everywhere("streaming_equals_one_shot", "a part of the rows of a matrix is no square matrix"),
            **everywhere("weights_count", "a part of the rows of a matrix is no square matrix"),
        },
        finite=("zeros", "constant", "tiny"),
        tolerances=OF_SQUARES,
    ),
    Technique(
        metrics.CapsuleAccuracy,
        {},
        inputs=((6, 3), (6, 3)),
        values=(one_hot, probabilities),
        paper="arXiv:1710.09829",
        rejects_inputs=(((6, 3), (6, 2)), ((6,), (6,))),
        perfect=1.0,
    ),
    Technique(
        metrics.ClasswiseCalibrationError,
        {"num_classes": 4, "num_bins": 5},
        inputs=((8, 4), (8, 4)),
        values=(one_hot, distributions),
        paper=_MEASURING_CALIBRATION,
        rejects=(*_NOT_BINS, {"num_classes": 1}, {"num_classes": None}),
        rejects_inputs=(*_NOT_CLASSES, ((8, 3), (8, 3))),
        perfect=0.0,
    ),
    Technique(
        metrics.ExpectedCalibrationError,
        {"num_bins": 5},
        inputs=((8, 4), (8, 4)),
        values=(one_hot, distributions),
        paper=_ON_CALIBRATION,
        rejects=_NOT_BINS,
        rejects_inputs=_NOT_CLASSES,
        perfect=0.0,
        tolerances=NAN_AMONG_THE_LARGEST,
    ),
    Technique(
        metrics.MaximumCalibrationError,
        {"num_bins": 5},
        inputs=((8, 4), (8, 4)),
        values=(one_hot, distributions),
        paper=_ON_CALIBRATION,
        rejects=_NOT_BINS,
        rejects_inputs=_NOT_CLASSES,
        perfect=0.0,
        tolerances=NAN_AMONG_THE_LARGEST,
    ),
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
    Technique(
        metrics.SpiegelhalterZMetric,
        {"statistic": "in_the_large"},
        inputs=((8, 3), (8, 3)),
        values=(binary, distributions),  # so that Z does not cancel
        paper="doi:10.1002/sim.4780050506",
        rejects=({"statistic": "brier"},),
        rejects_inputs=(((8, 3), (8, 2)), ((8, 3), (8,))),
        perfect=0.0,
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(metrics.apply_temperature, paper=_ON_CALIBRATION),
    Function(metrics.compute_adaptive_ece, paper=_MEASURING_CALIBRATION),
    Function(metrics.compute_brier_score, paper=_BRIER),
    Function(metrics.compute_brier_score_decomposition, paper="doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2"),
    Function(metrics.compute_classwise_ece, paper=_MEASURING_CALIBRATION),
    Function(metrics.compute_clustering_metrics, "doi:10.1016/0377-0427(87)90125-7"),
    Function(metrics.compute_ece, paper="doi:10.1609/aaai.v29i1.9602"),
    Function(metrics.compute_mce, paper=_ON_CALIBRATION),
    Function(metrics.compute_prediction_entropy_stats, paper="doi:10.1002/j.1538-7305.1948.tb01338.x"),
    Function(metrics.compute_reliability_data, paper=_ON_CALIBRATION),
    Function(metrics.fit_temperature, paper=_ON_CALIBRATION),
)
