from keras.optimizers import Adam
from keras.optimizers.schedules import CosineDecay, ExponentialDecay

from dl_techniques import optimization
from dl_techniques.catalogue._technique import Function, Later, Technique

_FINE_TUNING = "arXiv:1801.06146"
_DEEP_SUPERVISION = "arXiv:1409.5185"
_WARMUP = "arXiv:1706.02677"

# Schedules end within 20 steps, and callbacks act within 3 epochs: the contract looks there.
TECHNIQUES: tuple[Technique, ...] = (
    Technique(
        optimization.WarmupSchedule,
        {"warmup_steps": 5, "warmup_start_lr": 1e-3, "primary_schedule": CosineDecay(0.1, decay_steps=15, alpha=0.25)},
        inputs=(),
        paper=_WARMUP,
        rejects=(
            {"warmup_steps": -1},
            {"warmup_steps": 1.5},
            {"warmup_start_lr": -0.1},
            {"warmup_start_lr": float("inf")},
            {"primary_schedule": 0.1},
            {"primary_schedule": None},
        ),
    ),
    Technique(
        optimization.OneCycleSchedule,
        {
            "max_learning_rate": 0.5,
            "total_steps": 20,
            "peak_fraction": 0.25,
            "cycle_fraction": 0.75,
            "div_factor": 10.0,
            "final_div_factor": 100.0,
        },
        inputs=(),
        paper="arXiv:1708.07120",
        rejects=(
            {"max_learning_rate": 0.0},
            {"max_learning_rate": float("nan")},
            {"total_steps": 0},
            {"total_steps": 1.5},
            {"peak_fraction": 0.0},
            {"peak_fraction": 0.75},
            {"cycle_fraction": 1.0},
            {"div_factor": 0.5},
            {"final_div_factor": 0.5},
            {"final_div_factor": float("inf")},
        ),
    ),
    Technique(
        optimization.ScaledSchedule,
        {"schedule": ExponentialDecay(0.5, decay_steps=10, decay_rate=0.25), "multiplier": 0.5},
        inputs=(),
        paper="none",
        rejects=({"schedule": 0.1}, {"multiplier": -0.5}, {"multiplier": float("nan")}, {"multiplier": "half"}),
    ),
    Technique(
        optimization.MultiplierOptimizer,
        Later(lambda: {"optimizer": Adam(0.1), "multipliers": [0.25, 0.5, 0.5, 1.0], "name": "by_group"}),
        inputs=(),
        paper=_FINE_TUNING,
        rejects=(
            {"optimizer": "adam"},
            {"multipliers": []},
            {"multipliers": [1.0, -1.0]},
            {"multipliers": [1.0, float("nan")]},
            {"multipliers": 0.5},
        ),
    ),
    Technique(
        optimization.DeepSupervisionWeights,
        {
            "schedule": {"type": "linear_low_to_high", "config": {}},
            "attribute": "weights_of_outputs",
            "order": "main_first",
        },
        inputs=(),
        paper=_DEEP_SUPERVISION,
        rejects=(
            {"schedule": "linear_low_to_high"},
            {"schedule": {"type": "linear"}},
            {"attribute": "weights of outputs"},
            {"order": "last_first"},
        ),
    ),
    Technique(
        optimization.GradualUnfreezing,
        {"learning_rates": [0.05, 0.1], "epochs_per_group": 2},
        inputs=(),
        paper=_FINE_TUNING,
        rejects=(
            {"learning_rates": []},
            {"learning_rates": [0.1, 0.0]},
            {"learning_rates": 0.1},
            {"epochs_per_group": 0},
        ),
    ),
)

FUNCTIONS: tuple[Function, ...] = (
    Function(optimization.build_lr_multipliers, paper=_FINE_TUNING),
    Function(optimization.deep_supervision_schedule_builder, paper=_DEEP_SUPERVISION),
    Function(optimization.learning_rate_schedule_builder, paper="arXiv:1608.03983"),
    Function(optimization.optimizer_builder, paper="none"),
)
