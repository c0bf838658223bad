from dl_techniques import regularizers
from dl_techniques.catalogue._technique import Technique

_NO_KERNELS = ((6,), (1, 1, 1, 1, 2, 3))

TECHNIQUES = (
    Technique(
        regularizers.BinaryPreferenceRegularizer,
        {"multiplier": 0.5, "scale": 2.0},
        inputs=((4, 6),),
        paper="none",
        rejects=({"multiplier": -1.0}, {"scale": 0.0}, {"scale": -1.0}),
    ),
    Technique(
        regularizers.EntropyRegularizer,
        {"strength": 0.5, "target_entropy": 0.25, "axis": 0},
        inputs=((4, 6),),
        paper="doi:10.1002/j.1538-7305.1948.tb01338.x",
        rejects=({"strength": -1.0}, {"target_entropy": -0.1}, {"target_entropy": 1.1}),
        rejects_inputs=((),),
    ),
    Technique(
        regularizers.SoftOrthogonalConstraintRegularizer,
        {"lambda_coefficient": 0.5, "l1_coefficient": 0.25, "l2_coefficient": 0.125},
        inputs=((2, 3, 4, 5),),
        paper="arXiv:1810.09102",
        rejects=({"lambda_coefficient": -1.0}, {"l1_coefficient": -1.0}, {"l2_coefficient": -1.0}),
        rejects_inputs=_NO_KERNELS,
    ),
    Technique(
        regularizers.SoftOrthonormalConstraintRegularizer,
        {"lambda_coefficient": 0.5, "l1_coefficient": 0.25, "l2_coefficient": 0.125, "gram": "auto"},
        inputs=((2, 3, 4, 5),),
        paper="arXiv:1810.09102",
        rejects=(
            {"lambda_coefficient": -1.0},
            {"l1_coefficient": -1.0},
            {"l2_coefficient": -1.0},
            {"gram": "rows"},
        ),
        rejects_inputs=_NO_KERNELS,
    ),
    Technique(
        regularizers.SRIPRegularizer,
        {
            "lambda_init": 0.5,
            "power_iterations": 3,
            "epsilon": 1e-6,
            "lambda_schedule": {2: 0.25, 10: 0.0},
            "gram": "auto",
        },
        inputs=((2, 3, 4, 5),),
        paper="arXiv:1810.09102",
        rejects=(
            {"lambda_init": -0.1},
            {"power_iterations": 0},
            {"epsilon": 0.0},
            {"lambda_schedule": {-1: 0.1}},
            {"lambda_schedule": {"1": 0.1}},
            {"lambda_schedule": {1.5: 0.1}},
            {"lambda_schedule": {1: -0.1}},
            {"lambda_schedule": [0.1]},
            {"gram": "rows"},
        ),
        rejects_inputs=_NO_KERNELS,
    ),
    Technique(
        regularizers.TriStatePreferenceRegularizer,
        {"multiplier": 0.5, "scale": 2.0},
        inputs=((4, 6),),
        paper="none",
        rejects=({"multiplier": 0.0}, {"multiplier": -1.0}, {"scale": 0.0}),
    ),
)
