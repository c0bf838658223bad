"""Losses: of images pixel by pixel, of pairs, of boxes; native code and Keras' own losses as yardsticks."""

from collections.abc import Callable, Mapping

import keras

from bench.workloads.workload import Draw, Shape, Size, Workload
from dl_techniques import losses
from dl_techniques.catalogue.values import binary, boxes, one_hot

MASKS = {
    "small": {"batch": 2, "side": 64, "classes": 5},
    "medium": {"batch": 4, "side": 128, "classes": 21},
    "large": {"batch": 8, "side": 512, "classes": 21},  # PASCAL VOC
    "gpu": {"batch": 32, "side": 512, "classes": 21},
}
PAIRS = {
    "small": {"pairs": 128},
    "medium": {"pairs": 1024},
    "large": {"pairs": 4096},
    "gpu": {"pairs": 16384},
}
BOXES = {
    "small": {"batch": 2, "side": 320, "boxes": 20, "classes": 80},
    "medium": {"batch": 4, "side": 640, "boxes": 100, "classes": 80},  # COCO
    "large": {"batch": 16, "side": 640, "boxes": 100, "classes": 80},
    "gpu": {"batch": 64, "side": 640, "boxes": 100, "classes": 80},
}
SCORES = {
    "small": {"batch": 1024},
    "medium": {"batch": 65536},
    "large": {"batch": 2**22},
    "gpu": {"batch": 2**25},
}
DISTRIBUTION = 16
ALPHA, GAMMA, SMOOTH = 0.25, 2.0, 1e-6


def masks(size: Size) -> list[Shape]:
    return [(size["batch"], size["side"], size["side"], size["classes"])] * 2


def pairs(size: Size) -> list[Shape]:
    return [(size["pairs"],), *[(size["pairs"], size["pairs"])] * 2]


def detections(size: Size) -> list[Shape]:
    anchors = sum((size["side"] // stride) ** 2 for stride in (8, 16, 32))
    return [(size["batch"], size["boxes"], 5), (size["batch"], anchors, 4 * DISTRIBUTION + size["classes"])]


def scores(size: Size) -> list[Shape]:
    return [(size["batch"], 1)] * 2


def yolo(size: Size) -> keras.losses.Loss:
    return losses.YOLOv12ObjectDetectionLoss(size["classes"], (size["side"],) * 2, reg_max=DISTRIBUTION)


def _loss(name: str, loss: Callable, inputs: Callable, sizes: Mapping[str, Size], target: Draw, **fields) -> Workload:
    """What is predicted are logits."""
    values = [target, *[None] * (len(inputs(sizes["small"])) - 1)]
    return Workload(name, "losses", loss, inputs, sizes, values=values, **fields)


def _of_masks(name: str, loss: Callable[[], object], **fields) -> Workload:
    return _loss(name, lambda size: loss(), masks, MASKS, one_hot, **fields)


def _of_scores(name: str, loss: Callable[[], object], **fields) -> Workload:
    return _loss(name, lambda size: loss(), scores, SCORES, binary, **fields)


WORKLOADS = (
    _of_masks(
        "segmentation_cross_entropy",
        lambda: losses.SegmentationCrossEntropyLoss(from_logits=True),
        native="native_cross_entropy",
    ),
    _of_masks("focal_loss", lambda: losses.FocalLoss(GAMMA, ALPHA, from_logits=True), native="native_focal"),
    _of_masks("dice_loss", lambda: losses.DiceLoss(SMOOTH, from_logits=True), native="native_dice"),
    _of_masks("tversky_loss", lambda: losses.TverskyLoss(from_logits=True), native="native_dice"),
    _of_masks("combo_loss", lambda: losses.ComboLoss(from_logits=True)),
    _of_masks("boundary_loss", lambda: losses.BoundaryLoss(from_logits=True)),
    _of_masks("hausdorff_loss", lambda: losses.HausdorffLoss(from_logits=True)),
    _of_masks("lovasz_softmax_loss", lambda: losses.LovaszSoftmaxLoss(from_logits=True)),
    _loss(
        "clip_contrastive_loss",
        lambda size: losses.CLIPContrastiveLoss(),
        pairs,
        PAIRS,
        binary,
        native="native_contrastive",
    ),
    _loss("yolov12_detection_loss", yolo, detections, BOXES, boxes(80)),
    _of_scores("f1_loss", lambda: losses.F1Loss(from_logits=True)),
    _of_scores("brier_score_loss", lambda: losses.BrierScoreLoss(from_logits=True)),
    _of_scores("spiegelhalter_z_loss", lambda: losses.SpiegelhalterZLoss(from_logits=True)),
    _of_masks(
        "keras_categorical_crossentropy",
        lambda: keras.losses.CategoricalCrossentropy(from_logits=True),
        native="native_cross_entropy",
    ),
    _of_masks(
        "keras_categorical_focal_crossentropy",
        lambda: keras.losses.CategoricalFocalCrossentropy(ALPHA, GAMMA, from_logits=True),
        native="native_focal",
    ),
    _of_masks("keras_dice", lambda: keras.losses.Dice(axis=(1, 2)), native="native_dice"),
    _of_scores("keras_binary_crossentropy", lambda: keras.losses.BinaryCrossentropy(from_logits=True)),
    _of_masks("native_cross_entropy", keras.losses.CategoricalCrossentropy, core="cross_entropy"),
    _of_masks(
        "native_focal",
        keras.losses.CategoricalFocalCrossentropy,
        core="focal",
        options={"gamma": GAMMA, "alpha": ALPHA},
    ),
    _of_masks("native_dice", keras.losses.Dice, core="dice", options={"smooth": SMOOTH}),
    _loss(
        "native_contrastive",
        lambda size: losses.CLIPContrastiveLoss(),
        pairs,
        PAIRS,
        binary,
        core="contrastive",
    ),
)
