from math import inf

from dl_techniques import layers
from dl_techniques.catalogue._exceptions import (
    EMPTY_BATCH_RETURNED,
    EMPTY_MAXIMUM,
    HUGE_SCORES,
    NOT_FINITE_AND_PADDED,
    NOT_FINITE_IN_RELU,
)
from dl_techniques.catalogue._technique import Technique

MAPS = (2, 5, 4, 8), (2, 3, 2, 6), (2, 2, 1, 4)
NOT_MAPS = (MAPS[:2], ((2, 5, 4), *MAPS[1:]), ((2, 5, 4, None), *MAPS[1:]), MAPS[0])

TECHNIQUES = (
    Technique(
        layers.YOLOv12AttentionBlock,
        {"dim": 8, "num_heads": 2, "mlp_ratio": 1.5, "area": 2, "kernel_initializer": "glorot_normal"},
        inputs=((2, 4, 3, 8),),
        paper="arXiv:2502.12524",
        rejects=({"dim": 0}, {"num_heads": 3}, {"mlp_ratio": 0.0}, {"mlp_ratio": -1.0}, {"area": 5}),
        rejects_inputs=((4, 3, 8), (2, 4, 3, 6)),
        tolerances={**EMPTY_BATCH_RETURNED, **HUGE_SCORES},
    ),
    Technique(
        layers.YOLOv12Bottleneck,
        {"filters": 6, "expansion": 1.5, "kernel_initializer": "glorot_normal"},
        inputs=((2, 4, 3, 6),),
        paper="arXiv:2502.12524",
        rejects=({"filters": 0}, {"expansion": 0.0}, {"expansion": 0.25}),
        rejects_inputs=((4, 3, 6), (2, 4, 3, None)),
        tolerances=EMPTY_BATCH_RETURNED,
    ),
    Technique(
        layers.C3kBlock,
        {"filters": 6, "n": 2, "expansion": 1.0, "kernel_initializer": "glorot_normal"},
        inputs=((2, 4, 3, 5),),
        paper="arXiv:1911.11929",
        rejects=({"filters": 0}, {"n": 0}, {"expansion": 0.0}, {"expansion": 0.25}),
        rejects_inputs=((4, 3, 5), (2, 4, 3, None)),
        tolerances=EMPTY_BATCH_RETURNED,
    ),
    Technique(
        layers.C3k2Block,
        {"filters": 16, "n": 2, "expansion": 0.25, "kernel_initializer": "glorot_normal"},
        inputs=((2, 4, 3, 5),),
        paper="arXiv:2502.12524",
        rejects=({"filters": 0}, {"filters": 17}, {"n": 0}, {"expansion": 0.0}),
        rejects_inputs=((4, 3, 5), (2, 4, 3, None)),
        tolerances=EMPTY_BATCH_RETURNED,
    ),
    Technique(
        layers.A2C2fBlock,
        {
            "filters": 8,
            "n": 2,
            "area": 2,
            "residual": True,
            "mlp_ratio": 1.5,
            "kernel_initializer": "glorot_normal",
        },
        inputs=((2, 4, 3, 8),),
        paper="arXiv:2502.12524",
        rejects=({"filters": 0}, {"filters": 7}, {"n": 0}, {"area": 0}, {"area": 5}, {"mlp_ratio": 0.0}),
        rejects_inputs=((4, 3, 8), (2, 4, 3, 6)),
        tolerances=EMPTY_BATCH_RETURNED,
    ),
    Technique(
        layers.YOLOv12DetectionHead,
        {"num_classes": 5, "reg_max": 3, "kernel_initializer": "glorot_normal", "kernel_regularizer": "l2"},
        inputs=MAPS,
        paper="arXiv:2502.12524",
        rejects=({"num_classes": 0}, {"reg_max": 0}),
        rejects_inputs=NOT_MAPS,
        tolerances={**EMPTY_BATCH_RETURNED, **NOT_FINITE_AND_PADDED},
    ),
    Technique(
        layers.YOLOv12SegmentationHead,
        {
            "num_classes": 3,
            "intermediate_filters": [16, 12, 3],
            "target_size": [21, 18],
            "dropout_rate": 0.25,
            "kernel_initializer": "glorot_normal",
            "kernel_regularizer": "l2",
            "seed": 3,
        },
        inputs=MAPS,
        paper="arXiv:1505.04597",
        rejects=(
            {"num_classes": 0},
            {"intermediate_filters": []},
            {"intermediate_filters": [4, 0]},
            {"target_size": [0, 8]},
            {"target_size": [8]},
            {"dropout_rate": 1.0},
        ),
        rejects_inputs=(*NOT_MAPS, (MAPS[0], (2, 2, 2, 6), MAPS[2])),
        random=True,
        tolerances={
            **EMPTY_BATCH_RETURNED,
            "torch/*/eager/hostile nan": (inf, "torch's transposed convolution multiplies zeros too, by NaN"),
            "torch/*/eager/hostile infinite": (
                inf,
                "torch's transposed convolution multiplies zeros too, by infinity",
            ),
        },
    ),
    Technique(
        layers.YOLOv12ClassificationHead,
        {
            "num_classes": 3,
            "hidden_dims": [7, 5],
            "pooling_types": ["max", "avg"],
            "dropout_rate": 0.25,
            "kernel_initializer": "glorot_normal",
            "kernel_regularizer": "l2",
            "seed": 3,
        },
        inputs=MAPS,
        paper="arXiv:1709.01507",
        rejects=(
            {"num_classes": 0},
            {"hidden_dims": []},
            {"hidden_dims": [4, 0]},
            {"pooling_types": []},
            {"pooling_types": ["avg", "min"]},
            {"dropout_rate": 1.0},
        ),
        rejects_inputs=NOT_MAPS,
        random=True,
        tolerances={**EMPTY_MAXIMUM, **NOT_FINITE_IN_RELU},
    ),
)
