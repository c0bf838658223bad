import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.optimization import ScheduleType, WarmupSchedule, learning_rate_schedule_builder
from tests._frameworks import compiled
from tests.optimization_contract import rates

STEPS = np.array([0, 1, 5, 10, 11, 15, 35, 80])
RATE_AND_STEPS = {"learning_rate": 0.1, "decay_steps": 10}


def cosine(t, length, alpha):
    return (1 - alpha) * (1 + np.cos(np.pi * np.minimum(t / length, 1))) / 2 + alpha


def restarts(t, t_mul, m_mul, alpha):
    """Period by period."""
    begin, length, height = 0, 10, 1.0
    while t >= begin + length:
        begin, length, height = begin + length, length * t_mul, height * m_mul
    return (1 - alpha) * height * (1 + np.cos(np.pi * (t - begin) / length)) / 2 + alpha


CASES = [
    ({"type": "constant", "learning_rate": 0.1}, lambda t: 0.1 + 0 * t),
    ({"type": "exponential_decay", **RATE_AND_STEPS, "decay_rate": 0.5}, lambda t: 0.1 * 0.5 ** (t / 10)),
    (
        {"type": "exponential_decay", **RATE_AND_STEPS, "decay_rate": 0.5, "staircase": True},
        lambda t: 0.1 * 0.5 ** (t // 10),
    ),
    ({"type": "cosine_decay", **RATE_AND_STEPS}, lambda t: 0.1 * cosine(t, 10, 1e-4)),
    ({"type": "cosine_decay", **RATE_AND_STEPS, "alpha": 0}, lambda t: 0.1 * cosine(t, 10, 0.0)),
    (
        {"type": "cosine_decay_restarts", **RATE_AND_STEPS},
        lambda t: np.array([0.1 * restarts(step, 2, 0.9, 1e-3) for step in t]),
    ),
    (
        {"type": "cosine_decay_restarts", **RATE_AND_STEPS, "t_mul": 1, "m_mul": 0.5, "alpha": 0.01},
        lambda t: np.array([0.1 * restarts(step, 1, 0.5, 0.01) for step in t]),
    ),
    ({"type": "polynomial_decay", **RATE_AND_STEPS}, lambda t: 1e-4 + (0.1 - 1e-4) * (1 - np.minimum(t, 10) / 10)),
    (
        {"type": "polynomial_decay", **RATE_AND_STEPS, "end_learning_rate": 0.01, "power": 2},
        lambda t: 0.01 + 0.09 * (1 - np.minimum(t, 10) / 10) ** 2,
    ),
    (
        {"type": "piecewise_constant", "boundaries": [5, 15], "values": [1, 0.1, 0.01]},
        lambda t: np.where(t <= 5, 1, np.where(t <= 15, 0.1, 0.01)),
    ),
    ({"type": "inverse_time_decay", **RATE_AND_STEPS, "decay_rate": 0.5}, lambda t: 0.1 / (1 + 0.5 * t / 10)),
    (
        {"type": "one_cycle", "learning_rate": 0.1, "total_steps": 20, "div_factor": 10},
        lambda t: np.interp(t, [0, 9, 18, 20], [0.01, 0.1, 0.01, 1e-6]),
    ),
]


@pytest.mark.parametrize(("config", "oracle"), CASES)
def test_oracle(config, oracle):
    schedule = learning_rate_schedule_builder(config)
    assert type(schedule) is WarmupSchedule
    np.testing.assert_allclose(rates(schedule, STEPS.tolist()), oracle(STEPS), rtol=1e-5, atol=1e-9)


def test_every_type_has_a_case():
    assert {config["type"] for config, _ in CASES} == set(ScheduleType)


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="Keras' ops.cond, in CosineDecayRestarts, is a branch there"
)
def test_all_compile():
    schedules = [learning_rate_schedule_builder({**config, "warmup_steps": 7}) for config, _ in CASES]

    def all_rates(step):
        return ops.stack([schedule(step) for schedule in schedules])

    steps = [ops.convert_to_tensor(step, dtype="int32") for step in (0, 5, 80)]
    function = compiled(all_rates)
    found = [ops.convert_to_numpy(function(step)) for step in steps]
    expected = [ops.convert_to_numpy(all_rates(step)) for step in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_known_numbers():
    schedule = learning_rate_schedule_builder({"type": "cosine_decay", "learning_rate": 1e-3, "decay_steps": 1000})
    np.testing.assert_allclose(rates(schedule, (0, 500, 1000, 5000)), [1e-3, 5.0005e-4, 1e-7, 1e-7], rtol=1e-5)


def test_flat_and_nested_are_the_same():
    arguments = {"learning_rate": 1, "decay_steps": 10, "alpha": None}
    flat = {"type": " Cosine_Decay ", "warmup_steps": 4, "warmup_start_lr": 0.5, **arguments}
    nested = {"type": ScheduleType.COSINE_DECAY, "warmup_steps": 4, "warmup_start_lr": 0.5, "config": arguments}
    weaker = {**flat, "learning_rate": 7, "config": {"learning_rate": 1}}
    configs = [learning_rate_schedule_builder(config).get_config() for config in (flat, nested, weaker)]
    assert configs[0] == configs[1] == configs[2]
    assert (configs[0]["warmup_steps"], configs[0]["warmup_start_lr"]) == (4, 0.5)
    without = learning_rate_schedule_builder({"type": "constant", "learning_rate": 1.0})
    assert (without.warmup_steps, without.warmup_start_lr) == (0, 1e-8)


def test_the_config_is_not_changed():
    config = {"type": "cosine_decay", "config": {"learning_rate": 1.0, "decay_steps": 10}}
    learning_rate_schedule_builder(config)
    assert config == {"type": "cosine_decay", "config": {"learning_rate": 1.0, "decay_steps": 10}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("cosine_decay", "config must be a dictionary.*Received: config='cosine_decay'"),
        ({"type": "constant", "config": [1.0]}, r"config must be a dictionary.*\[1.0\]"),
        ({"learning_rate": 0.1}, "schedule_type cannot be None"),
        ({"type": None}, "schedule_type cannot be None"),
        ({"type": 3}, "schedule_type must be a string"),
        ({"type": "cosine"}, "Unknown learning_rate schedule_type; it must be one of .*cosine_decay.*'cosine'"),
        ({"type": "constant", "learning_rate": 0.1, "warmup_steps": None}, "warmup_steps must be specified"),
        ({"type": "constant", "learning_rate": 0.1, "warmup_steps": -1}, "warmup_steps=-1"),
        ({"type": "constant", "learning_rate": 0.1, "warmup_start_lr": -1}, "warmup_start_lr=-1"),
        ({"type": "constant"}, r"'constant' needs \['learning_rate'\]"),
        ({"type": "cosine_decay", "learning_rate": None, "decay_steps": 10}, r"needs \['learning_rate'\]"),
        ({"type": "constant", "learning_rate": 0.1, "decay_steps": 10}, r"Unknown keys \['decay_steps'\]"),
        ({"type": "constant", "lr": 0.1, "learning_rate": 0.1}, "'lr' is called 'learning_rate' here"),
        ({"type": "constant", "learning_rate": 0.0}, "learning_rate=0.0"),
        ({"type": "constant", "learning_rate": float("inf")}, "learning_rate=inf"),
        ({"type": "constant", "learning_rate": "0.1"}, "learning_rate='0.1'"),
        ({"type": "cosine_decay", "learning_rate": 0.1, "decay_steps": 0}, "decay_steps=0"),
        ({"type": "cosine_decay", "learning_rate": 0.1, "decay_steps": 1.5}, "decay_steps=1.5"),
        ({"type": "cosine_decay", **RATE_AND_STEPS, "alpha": -1}, "alpha=-1"),
        ({"type": "cosine_decay_restarts", **RATE_AND_STEPS, "t_mul": 0.5}, "`t_mul` must be >= 1.*t_mul=0.5"),
        ({"type": "polynomial_decay", **RATE_AND_STEPS, "cycle": "no"}, "cycle='no'"),
        ({"type": "piecewise_constant", "boundaries": [], "values": [1.0]}, r"boundaries=\[\]"),
        ({"type": "piecewise_constant", "boundaries": [5, 5], "values": [1, 2, 3]}, r"must rise.*boundaries=\[5, 5\]"),
        ({"type": "piecewise_constant", "boundaries": [5], "values": [1]}, r"one more.*values=\[1.0\]"),
        ({"type": "piecewise_constant", "boundaries": [5], "values": [1, -1]}, r"none below 0.*values=\[1.0, -1.0\]"),
        ({"type": "one_cycle", **RATE_AND_STEPS}, r"needs \['total_steps'\]"),
    ],
)
def test_what_is_rejected(config, message):
    with pytest.raises(ValueError, match=message):
        learning_rate_schedule_builder(config)
