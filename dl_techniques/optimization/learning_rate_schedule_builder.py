from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from keras.optimizers import schedules

from dl_techniques._checks import (
    check_choice,
    check_non_negative,
    check_number,
    check_numbers,
    check_positive,
    check_positive_int,
)
from dl_techniques.optimization import _configs
from dl_techniques.optimization.one_cycle_schedule import OneCycleSchedule
from dl_techniques.optimization.schedule_type import ScheduleType
from dl_techniques.optimization.warmup_schedule import WarmupSchedule


def _constant(learning_rate: float) -> schedules.LearningRateSchedule:
    return schedules.ExponentialDecay(learning_rate, decay_steps=1, decay_rate=1.0)


# What makes each, its first arguments, and the rest with their defaults; None leaves it to what makes the schedule.
_KINDS: Mapping[str, tuple[Callable[..., schedules.LearningRateSchedule], tuple[str, ...], Mapping[str, Any]]] = {
    ScheduleType.CONSTANT: (_constant, ("learning_rate",), {}),
    ScheduleType.EXPONENTIAL_DECAY: (
        schedules.ExponentialDecay,
        ("learning_rate", "decay_steps", "decay_rate"),
        {"staircase": None},
    ),
    ScheduleType.COSINE_DECAY: (schedules.CosineDecay, ("learning_rate", "decay_steps"), {"alpha": 1e-4}),
    ScheduleType.COSINE_DECAY_RESTARTS: (
        schedules.CosineDecayRestarts,
        ("learning_rate", "decay_steps"),
        {"t_mul": 2.0, "m_mul": 0.9, "alpha": 1e-3},
    ),
    ScheduleType.POLYNOMIAL_DECAY: (
        schedules.PolynomialDecay,
        ("learning_rate", "decay_steps"),
        {"end_learning_rate": None, "power": None, "cycle": None},
    ),
    ScheduleType.PIECEWISE_CONSTANT: (schedules.PiecewiseConstantDecay, ("boundaries", "values"), {}),
    ScheduleType.INVERSE_TIME_DECAY: (
        schedules.InverseTimeDecay,
        ("learning_rate", "decay_steps", "decay_rate"),
        {"staircase": None},
    ),
    ScheduleType.ONE_CYCLE: (
        OneCycleSchedule,
        ("learning_rate", "total_steps"),
        {"peak_fraction": None, "cycle_fraction": None, "div_factor": None, "final_div_factor": None},
    ),
}
_OTHER_NAMES = {"initial_learning_rate": "learning_rate", "lr": "learning_rate", "first_decay_steps": "decay_steps"}


def learning_rate_schedule_builder(config: Mapping[str, Any]) -> WarmupSchedule:
    """Makes a learning-rate schedule with a warm-up from a plain dictionary, as it stands in a file of settings.

    The schedules are Keras' own, and `OneCycleSchedule`. What a schedule is told may stand beside its type, or in an
    entry `config`, which is the stronger one. Below, what has a default in brackets may be left out, or be None.

    - `constant`: `learning_rate`
    - `exponential_decay`: `learning_rate`, `decay_steps`, `decay_rate`; `staircase` (False)
    - `cosine_decay`: `learning_rate`, `decay_steps`; `alpha` (1e-4), the last rate over the first
    - `cosine_decay_restarts`: `learning_rate`, `decay_steps` of the first period; `t_mul` (2.0), how much longer the
      next is; `m_mul` (0.9), how much lower; `alpha` (1e-3)
    - `polynomial_decay`: `learning_rate`, `decay_steps`; `end_learning_rate` (1e-4), `power` (1.0), `cycle` (False)
    - `piecewise_constant`: `boundaries`, `values`
    - `inverse_time_decay`: `learning_rate`, `decay_steps`, `decay_rate`; `staircase` (False)
    - `one_cycle`: `learning_rate`, the largest, `total_steps`; the other arguments of `OneCycleSchedule`

    Args:
        config: a dictionary with `type`, a `ScheduleType` or its name; `warmup_steps`, int >= 0, 0 by default;
            `warmup_start_lr`, float >= 0, 1e-8 by default; and the entries named above.

    Returns:
        A `WarmupSchedule`, also where there are no steps of warm-up.

    Raises:
        ValueError: an entry is missing, unknown or out of range.

    Example:

    >>> flat = {"type": "cosine_decay", "learning_rate": 1e-3, "decay_steps": 1000}
    >>> nested = {"type": "cosine_decay", "config": {"learning_rate": 1e-3, "decay_steps": 1000}}
    >>> [[round(1e7 * float(learning_rate_schedule_builder(c)(t))) for t in (0, 500, 2000)] for c in (flat, nested)]
    [[10000, 5000, 1], [10000, 5000, 1]]

    References:
        - Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv:1608.03983
    """
    given = _configs.flat(config)
    kind = _configs.kind_of(given, _KINDS, "learning_rate schedule_type")
    if given.get("warmup_steps", 0) is None:
        raise ValueError(
            "warmup_steps must be specified, as an integer >= 0, or left out. Received: warmup_steps=None"
        )
    make, required, optional = _KINDS[kind]
    warmup = {key: given[key] for key in ("warmup_steps", "warmup_start_lr") if given.get(key) is not None}
    arguments = {
        key: value for key, value in given.items() if key != "type" and key not in warmup and value is not None
    }
    _configs.check_keys(arguments, kind, required, [*optional, "warmup_steps", "warmup_start_lr"], _OTHER_NAMES)
    arguments = {**{key: value for key, value in optional.items() if value is not None}, **arguments}
    arguments = {key: _checked(key, value) for key, value in arguments.items()}
    if kind == ScheduleType.PIECEWISE_CONSTANT:
        _check_pieces(**arguments)
    first = [arguments.pop(key) for key in required]
    return WarmupSchedule(**{"warmup_steps": 0, **warmup}, primary_schedule=make(*first, **arguments))


def _checked(key: str, value: Any) -> Any:
    """The value as Keras wants it: it takes what is an int for whole numbers, and a rate of 1 would become 0."""
    if key in ("decay_steps", "total_steps"):
        check_positive_int(**{key: value})
        return int(value)
    if key in ("staircase", "cycle"):
        check_choice((False, True), **{key: value})
        return bool(value)
    if key in ("boundaries", "values"):
        check_numbers(**{key: value})
        return [*map(int if key == "boundaries" else float, value)]
    check_number(**{key: value})
    if key in ("alpha", "end_learning_rate"):
        check_non_negative(**{key: value})
    else:
        check_positive(**{key: value})
    if key == "t_mul" and value < 1:
        raise ValueError(f"`t_mul` must be >= 1: periods that get shorter come to an end. Received: t_mul={value!r}")
    return float(value)


def _check_pieces(boundaries: list[int], values: list[float]) -> None:
    rising = all(one < other for one, other in pairwise(boundaries))
    if not rising or len(values) != len(boundaries) + 1 or min(values) < 0:
        raise ValueError(
            "`boundaries` must rise, and `values` must be one more, none below 0. "
            f"Received: boundaries={boundaries}, values={values}"
        )
