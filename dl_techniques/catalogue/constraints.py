from dl_techniques import constraints
from dl_techniques.catalogue._technique import Technique

TECHNIQUES = (
    Technique(
        constraints.ValueRangeConstraint,
        {"min_value": -0.5, "max_value": 0.25},
        inputs=((4, 6),),
        paper="none",
        rejects=(
            {"min_value": 0.5},
            {"min_value": "low"},
            {"min_value": float("nan")},
            {"max_value": -1.0},
            {"max_value": float("inf")},
        ),
    ),
)
