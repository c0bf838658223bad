from collections.abc import Mapping
from typing import Any

import keras
from keras.optimizers.schedules import LearningRateSchedule

from dl_techniques._checks import check_number, check_positive, is_int
from dl_techniques.optimization import _configs
from dl_techniques.optimization._rates import check_schedule
from dl_techniques.optimization.learning_rate_schedule_builder import learning_rate_schedule_builder
from dl_techniques.optimization.optimizer_type import OptimizerType

_ADAM = ("beta_1", "beta_2", "epsilon")

# What makes each, and its own arguments.
_KINDS: Mapping[str, tuple[type[keras.optimizers.Optimizer], tuple[str, ...]]] = {
    OptimizerType.RMSPROP: (keras.optimizers.RMSprop, ("rho", "momentum", "epsilon", "centered")),
    OptimizerType.ADAM: (keras.optimizers.Adam, (*_ADAM, "amsgrad")),
    OptimizerType.ADADELTA: (keras.optimizers.Adadelta, ("rho", "epsilon")),
    OptimizerType.ADAMW: (keras.optimizers.AdamW, (*_ADAM, "amsgrad")),
    OptimizerType.SGD: (keras.optimizers.SGD, ("momentum", "nesterov")),
    OptimizerType.NADAM: (keras.optimizers.Nadam, _ADAM),
    OptimizerType.ADAMAX: (keras.optimizers.Adamax, _ADAM),
    OptimizerType.ADAGRAD: (keras.optimizers.Adagrad, ("initial_accumulator_value", "epsilon")),
    OptimizerType.ADAFACTOR: (
        keras.optimizers.Adafactor,
        ("beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "relative_step"),
    ),
    OptimizerType.LION: (keras.optimizers.Lion, ("beta_1", "beta_2")),
    OptimizerType.LAMB: (keras.optimizers.Lamb, _ADAM),
    OptimizerType.FTRL: (
        keras.optimizers.Ftrl,
        (
            "learning_rate_power",
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
            "beta",
        ),
    ),
}
# Where they are not Keras'.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {OptimizerType.ADADELTA: {"rho": 0.9}}
_CLIPPING = {
    "gradient_clipping_by_value": "clipvalue",
    "gradient_clipping_by_norm_local": "clipnorm",
    "gradient_clipping_by_norm": "global_clipnorm",
}
_COMMON = ("weight_decay", "gradient_accumulation_steps", "use_ema", "ema_momentum", "loss_scale_factor")
_OTHER_NAMES = {"lr": "learning_rate", **{theirs: ours for ours, theirs in _CLIPPING.items()}}


def optimizer_builder(
    config: Mapping[str, Any], lr_schedule: LearningRateSchedule | None = None
) -> keras.optimizers.Optimizer | tuple[keras.optimizers.Optimizer, LearningRateSchedule]:
    """Makes one of Keras' optimizers from a plain dictionary, as it stands in a file of settings.

    An entry that is None is not given.

    - `type`: an `OptimizerType` or its name, of any case: `adadelta`, `adafactor`, `adagrad`, `adam`, `adamax`,
      `adamw`, `ftrl`, `lamb`, `lion`, `nadam`, `rmsprop` (the default), `sgd`
    - `learning_rate`: float > 0, where there is no schedule
    - `schedule`: a dictionary for `learning_rate_schedule_builder`
    - `gradient_clipping_by_value`: float > 0, of each number in a gradient, Keras' `clipvalue`
    - `gradient_clipping_by_norm_local`: float > 0, of the gradient of each weight, Keras' `clipnorm`
    - `gradient_clipping_by_norm`: float > 0, of all gradients together, Keras' `global_clipnorm`
    - `weight_decay`, `gradient_accumulation_steps`, `use_ema`, `ema_momentum`, `loss_scale_factor`: as in Keras
    - `beta_1`, `rho`, `momentum` ...: the optimizer's own arguments, with Keras' defaults, but 0.9 for Adadelta's
      `rho`

    Args:
        config: a dictionary with these entries; at most one of the three that clip.
        lr_schedule: a `keras.optimizers.schedules.LearningRateSchedule`, in place of an entry.

    Returns:
        The optimizer; where `config` has a `schedule`, the optimizer and the schedule.

    Raises:
        ValueError: an entry is unknown or out of range, two contradict each other, or there is no learning rate.

    Example:

    >>> warm = {"type": "constant", "learning_rate": 1e-3, "warmup_steps": 10}
    >>> optimizer, schedule = optimizer_builder({"type": "AdamW", "schedule": warm, "gradient_clipping_by_norm": 1.0})
    >>> optimizer.global_clipnorm, round(float(schedule(10)), 6)
    (1.0, 0.001)
    >>> optimizer_builder({"type": "sgd", "learning_rate": 0.1, "momentum": 0.9}).momentum
    0.9

    References:
        No paper.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"config must be a dictionary. Received: config={config!r}")
    given = {"type": OptimizerType.RMSPROP, **{key: value for key, value in config.items() if value is not None}}
    kind = _configs.kind_of(given, _KINDS, "optimizer_type")
    make, own = _KINDS[kind]
    optional = ["type", "learning_rate", "schedule", *_CLIPPING, *_COMMON, *own]
    _configs.check_keys(given, kind, (), optional, _OTHER_NAMES)
    rate = _learning_rate(given, lr_schedule)
    settings = {key: _checked(key, given[key]) for key in (*_COMMON, *own) if key in given}
    optimizer = make(learning_rate=rate, **{**_DEFAULTS.get(kind, {}), **settings, **_clipping(given)})
    return (optimizer, rate) if "schedule" in given else optimizer


def _learning_rate(given: Mapping[str, Any], lr_schedule: Any) -> Any:
    ways = [key for key in ("learning_rate", "schedule") if key in given]
    ways += [] if lr_schedule is None else ["lr_schedule"]
    if len(ways) != 1:
        raise ValueError(
            "There must be one of the entries 'learning_rate' and 'schedule' and the argument `lr_schedule`. "
            f"Received: {ways}, config={dict(given)!r}"
        )
    if lr_schedule is not None:
        check_schedule(lr_schedule=lr_schedule)
        return lr_schedule
    if "schedule" in given:
        return learning_rate_schedule_builder(given["schedule"])
    rate = given["learning_rate"]
    check_number(learning_rate=rate)
    check_positive(learning_rate=rate)
    return float(rate)


def _clipping(given: Mapping[str, Any]) -> dict[str, float]:
    clipping = {key: given[key] for key in _CLIPPING if key in given}
    if len(clipping) > 1:
        raise ValueError(f"Gradients are clipped in one way only. Received: {[*clipping]}, config={dict(given)!r}")
    for key, value in clipping.items():
        check_number(**{key: value})
        check_positive(**{key: value})
    return {_CLIPPING[key]: float(value) for key, value in clipping.items()}


def _checked(key: str, value: Any) -> Any:
    """Switches are booleans, and all else are numbers; of those Keras checks few."""
    if key in ("amsgrad", "centered", "nesterov", "relative_step", "use_ema"):
        if not isinstance(value, bool):
            raise ValueError(f"`{key}` must be a boolean. Received: {key}={value!r}")
    elif key == "gradient_accumulation_steps":
        if not is_int(value) or value < 2:
            raise ValueError(f"`{key}` must be an integer >= 2, or left out. Received: {key}={value!r}")
    else:
        check_number(**{key: value})
    return value
