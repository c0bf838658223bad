import math

from dl_techniques import losses
from dl_techniques.catalogue._technique import Function, Technique
from dl_techniques.catalogue._values import distributions, nearly_all_wrong, normal, one_class_an_image, one_hot

_IMAGES = ((2, 6, 5, 3), (2, 6, 5, 3))
_OTHER_IMAGES = (
    ((2, 6, 5, 3), (2, 6, 5, 2)),
    ((2, 6, 5), (2, 6, 5, 3)),
    ((2, 3), (2, 3)),
    ((2, 6, 5, 4), (2, 6, 5, 4)),
)
_OTHER_RANK = ((2, 30, 3), (2, 30, 3))
_CLASS_WEIGHTS = [1.0, 2.0, 0.5]
_OTHER_WEIGHTS: tuple[dict[str, list[float]], ...] = (
    {"class_weights": [1.0, -1.0, 1.0]},
    {"class_weights": [0.0, 0.0, 0.0]},
    {"class_weights": []},
)

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        losses.BoundaryLoss,
        {"theta": 3.0, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="none",
        rejects=({"theta": 0.0}, {"theta": float("inf")}, *_OTHER_WEIGHTS),
        rejects_inputs=(*_OTHER_IMAGES, _OTHER_RANK),
        values=(one_hot, distributions),
        perfect=0.0,
    ),
    Technique(
        losses.ComboLoss,
        {"alpha": 0.25, "beta": 0.75, "smooth": 0.5, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1805.02798",
        rejects=({"alpha": 1.5}, {"alpha": -0.5}, {"beta": float("nan")}, {"smooth": 0.0}, *_OTHER_WEIGHTS),
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
    ),
    Technique(
        losses.DiceLoss,
        {"smooth": 0.5, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1606.04797",
        rejects=({"smooth": 0.0}, {"smooth": float("inf")}, *_OTHER_WEIGHTS),
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
    ),
    Technique(
        losses.FocalLoss,
        {"gamma": 1.5, "alpha": 0.5, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1708.02002",
        rejects=({"gamma": -1.0}, {"gamma": float("inf")}, {"alpha": 0.0}, *_OTHER_WEIGHTS),
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
    ),
    Technique(
        losses.FocalTverskyLoss,
        {"alpha": 0.25, "beta": 0.5, "exponent": 1.5, "smooth": 0.5, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1810.07842",
        rejects=({"exponent": 0.0}, {"exponent": float("inf")}, {"alpha": -1.0}, {"smooth": 0.0}, *_OTHER_WEIGHTS),
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
    ),
    Technique(
        losses.HausdorffLoss,
        {"alpha": 1.5, "erosions": 3, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1904.10030",
        rejects=({"alpha": -1.0}, {"alpha": float("inf")}, {"erosions": 0}, {"erosions": 1.5}, *_OTHER_WEIGHTS),
        rejects_inputs=(*_OTHER_IMAGES, _OTHER_RANK),
        values=(one_class_an_image, nearly_all_wrong),
        perfect=0.0,
    ),
    Technique(
        losses.LovaszSoftmaxLoss,
        {"class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1705.08790",
        rejects=_OTHER_WEIGHTS,
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
        tolerances={
            "tensorflow/*/eager/hostile nan": (math.inf, "abs has the gradient NaN at NaN there, 0 elsewhere")
        },
    ),
    Technique(
        losses.SegmentationCrossEntropyLoss,
        {"class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1411.4038",
        rejects=_OTHER_WEIGHTS,
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
    ),
    Technique(
        losses.SignedDistanceBoundaryLoss,
        {"class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1812.07032",
        rejects=_OTHER_WEIGHTS,
        rejects_inputs=_OTHER_IMAGES,
        values=(normal, distributions),
    ),
    Technique(
        losses.TverskyLoss,
        {"alpha": 0.25, "beta": 0.5, "smooth": 0.5, "class_weights": _CLASS_WEIGHTS},
        inputs=_IMAGES,
        paper="arXiv:1706.05721",
        rejects=(
            {"alpha": -1.0},
            {"alpha": 0.0, "beta": 0.0},
            {"beta": float("inf")},
            {"smooth": 0.0},
            *_OTHER_WEIGHTS,
        ),
        rejects_inputs=_OTHER_IMAGES,
        values=(one_hot, distributions),
        perfect=0.0,
    ),
)

FUNCTIONS: tuple[Function, ...] = (Function(losses.create_loss_function, paper="none"),)
