import math

from dl_techniques import losses
from dl_techniques.catalogue._exceptions import OF_SQUARES, everywhere
from dl_techniques.catalogue._technique import Function, Technique
from dl_techniques.catalogue._values import distributions, normal, one_hot, probabilities

TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        losses.CapsuleMarginLoss,
        {"positive_margin": 0.8, "negative_margin": 0.2, "downweight": 0.25},
        inputs=((4, 3), (4, 3)),
        values=(one_hot, probabilities),
        paper="arXiv:1710.09829",
        rejects=(
            {"positive_margin": 1.0},
            {"positive_margin": 0.2},
            {"negative_margin": 0.0},
            {"downweight": 0.0},
            {"downweight": 1.5},
        ),
        rejects_inputs=(((4, 3), (4, 2)), ((4,), (4,))),
        perfect=0.0,
    ),
    Technique(
        losses.CLIPContrastiveLoss,
        {
            "temperature": 0.5,
            "label_smoothing": 0.1,
            "apply_temperature": True,
            "loss_weight_i2t": 0.25,
            "loss_weight_t2i": 0.75,
        },
        inputs=((4,), (4, 4), (4, 4)),
        values=(normal, normal, normal),
        paper="arXiv:2103.00020",
        rejects=(
            {"temperature": 0.0},
            {"label_smoothing": 1.0},
            {"loss_weight_i2t": -1.0},
            {"loss_weight_t2i": -1.0},
        ),
        rejects_inputs=(((4,), (4, 3), (4, 3)), ((4,), (4, 4), (3, 3)), ((4,), (4,), (4,))),
        xfail={
            **everywhere("examples_are_independent", "each example is told from the others of its batch"),
            **everywhere("an_empty_batch_is_no_accident", "no rows of a matrix are no square matrix"),
        },
        finite=("zeros", "constant", "tiny"),
        tolerances=OF_SQUARES,
    ),
    Technique(
        losses.ClusteringLoss,
        {"distance_weight": 0.75, "distribution_weight": 2.0},
        inputs=((6, 3), (6, 3)),
        values=(one_hot, distributions),
        paper="arXiv:1511.06335",
        rejects=(
            {"distance_weight": 0.0},
            {"distance_weight": math.inf},
            {"distribution_weight": -1.0},
            {"distribution_weight": True},
        ),
        rejects_inputs=(((6, 3), (6, 2)), ((6,), (6,))),
        batch_level=True,
        perfect=0.0,
    ),
    Technique(
        losses.GoodhartAwareLoss,
        {"label_smoothing": 0.1, "entropy_weight": 0.2, "mi_weight": 0.05, "epsilon": 1e-6},
        inputs=((6, 4), (6, 4)),
        values=(one_hot, normal),
        paper="arXiv:1701.06548",
        rejects=(
            {"label_smoothing": 1.0},
            {"entropy_weight": -1.0},
            {"mi_weight": -1.0},
            {"epsilon": 0.0},
            {"epsilon": 0.1},
        ),
        rejects_inputs=(((6, 4), (6, 3)), ((6, 2, 4), (6, 2, 4))),
        xfail=everywhere("examples_are_independent", "the mutual information compares each with the mean of all"),
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(losses.analyze_goodhart_loss_components, "none"),
    Function(losses.analyze_margin_loss_components, "none"),
    Function(losses.capsule_margin_loss, "arXiv:1710.09829"),
    Function(losses.dec_target, "arXiv:1511.06335"),
)
