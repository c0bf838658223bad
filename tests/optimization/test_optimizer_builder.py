import keras
import numpy as np
import pytest

from dl_techniques.optimization import (
    OptimizerType,
    WarmupSchedule,
    learning_rate_schedule_builder,
    optimizer_builder,
)

OWN = {
    "rmsprop": {"rho": 0.8, "momentum": 0.5, "epsilon": 1e-5, "centered": True},
    "adam": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5, "amsgrad": True},
    "adadelta": {"rho": 0.8, "epsilon": 1e-5},
    "adamw": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5, "amsgrad": True, "weight_decay": 0.1},
    "sgd": {"momentum": 0.5, "nesterov": True},
    "nadam": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5},
    "adamax": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5},
    "adagrad": {"initial_accumulator_value": 0.5, "epsilon": 1e-5},
    "adafactor": {
        "beta_2_decay": -0.5,
        "epsilon_1": 1e-20,
        "epsilon_2": 1e-2,
        "clip_threshold": 2.0,
        "relative_step": False,
    },
    "lion": {"beta_1": 0.8, "beta_2": 0.9},
    "lamb": {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-5},
    "ftrl": {
        "learning_rate_power": -0.25,
        "initial_accumulator_value": 0.5,
        "l1_regularization_strength": 0.1,
        "l2_regularization_strength": 0.2,
        "l2_shrinkage_regularization_strength": 0.3,
        "beta": 0.4,
    },
}
KERAS = {
    cls.__name__.lower(): cls
    for cls in vars(keras.optimizers).values()
    if isinstance(cls, type) and issubclass(cls, keras.optimizers.Optimizer)
}


def settings(optimizer) -> dict:
    return {key: value for key, value in optimizer.get_config().items() if key != "name"}


@pytest.mark.parametrize("kind", OptimizerType)
def test_it_is_keras_own(kind):
    """With all of its own arguments, and with none."""
    common = {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5, "weight_decay": 0.1}
    found = optimizer_builder({"type": kind, "learning_rate": 1, **OWN[kind], **common})
    assert settings(found) == settings(KERAS[kind](1.0, **{**OWN[kind], **common}))
    assert isinstance(found, KERAS[kind])
    rho = {"rho": 0.9} if kind == "adadelta" else {}
    found = optimizer_builder({"type": f" {kind.upper()} ", "learning_rate": 0.1, "weight_decay": None})
    assert settings(found) == settings(KERAS[kind](0.1, **rho))


def test_the_default_is_rmsprop():
    assert isinstance(optimizer_builder({"learning_rate": 0.1, "loss_scale_factor": 8.0}), keras.optimizers.RMSprop)


def test_gradients_are_clipped_in_three_ways():
    """A step of rate 1 down gradients (3, 4) and (0, 12), whose norms are 5 and 12, together 13."""
    gradients = [np.array([3.0, 4.0]), np.array([0.0, 12.0])]
    ways = {
        "gradient_clipping_by_value": [g.clip(-2, 2) for g in gradients],
        "gradient_clipping_by_norm_local": [g * 2 / np.linalg.norm(g) for g in gradients],
        "gradient_clipping_by_norm": [g * 2 / 13 for g in gradients],
    }
    others = dict.fromkeys(ways)
    for key, expected in ways.items():
        optimizer = optimizer_builder({"type": "sgd", "learning_rate": 1.0, **others, key: 2})
        weights = [keras.Variable(np.zeros(2, "float32")) for _ in gradients]
        optimizer.apply([keras.ops.convert_to_tensor(g, dtype="float32") for g in gradients], weights)
        for weight, step in zip(weights, expected, strict=True):
            np.testing.assert_allclose(keras.ops.convert_to_numpy(weight.value), -step, rtol=1e-6)


def test_the_learning_rate_comes_from_one_of_three_places():
    config = {"type": "cosine_decay", "learning_rate": 0.1, "decay_steps": 10}
    schedule = learning_rate_schedule_builder(config)
    optimizer = optimizer_builder({"type": "adamw", "gradient_clipping_by_norm": 1.0}, schedule)
    assert optimizer.get_config()["learning_rate"]["config"] == schedule.get_config()
    optimizer, made = optimizer_builder({"type": "adamw", "schedule": config})
    assert type(made) is WarmupSchedule
    assert made.get_config() == schedule.get_config()
    assert optimizer.get_config()["learning_rate"]["config"] == schedule.get_config()
    assert float(optimizer_builder({"learning_rate": 0.25}).learning_rate) == 0.25


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("adam", "config must be a dictionary.*Received: config='adam'"),
        ({"type": 3, "learning_rate": 0.1}, "optimizer_type must be a string"),
        ({"type": "adamm", "learning_rate": 0.1}, "Unknown optimizer_type; it must be one of .*'adamm'"),
        ({"type": "adam"}, r"one of the entries 'learning_rate' and 'schedule' and the argument.*Received: \[\]"),
        ({"learning_rate": 0.1, "schedule": {}}, r"Received: \['learning_rate', 'schedule'\]"),
        ({"learning_rate": 0.0}, "learning_rate=0.0"),
        ({"learning_rate": "0.1"}, "learning_rate='0.1'"),
        ({"learning_rate": 0.1, "clipnorm": 1.0}, "'clipnorm' is called 'gradient_clipping_by_norm_local' here"),
        ({"lr": 0.1}, "'lr' is called 'learning_rate' here"),
        ({"type": "sgd", "learning_rate": 0.1, "beta_1": 0.9}, r"Unknown keys \['beta_1'\]: 'sgd' knows .*momentum"),
        (
            {"learning_rate": 0.1, "gradient_clipping_by_norm": 1.0, "gradient_clipping_by_value": 1.0},
            r"\['gradient_clipping_by_value', 'gradient_clipping_by_norm'\]",
        ),
        ({"learning_rate": 0.1, "gradient_clipping_by_norm": 0}, "gradient_clipping_by_norm=0"),
        ({"learning_rate": 0.1, "gradient_accumulation_steps": 1}, "gradient_accumulation_steps=1"),
        ({"learning_rate": 0.1, "rho": "0.9"}, "rho='0.9'"),
        ({"learning_rate": 0.1, "centered": 1}, "centered=1"),
        ({"schedule": {"type": "cosine"}}, "Unknown learning_rate schedule_type"),
    ],
)
def test_what_is_rejected(config, message):
    with pytest.raises(ValueError, match=message):
        optimizer_builder(config)


def test_a_schedule_is_a_schedule_and_the_only_one():
    with pytest.raises(ValueError, match=r"`lr_schedule` must be a .*LearningRateSchedule.*Received: lr_schedule=0.1"):
        optimizer_builder({"type": "sgd"}, 0.1)
    schedule = learning_rate_schedule_builder({"type": "constant", "learning_rate": 0.1})
    with pytest.raises(ValueError, match=r"\['learning_rate', 'lr_schedule'\]"):
        optimizer_builder({"type": "sgd", "learning_rate": 0.1}, schedule)
