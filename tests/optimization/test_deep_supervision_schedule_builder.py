import numpy as np
import pytest

from dl_techniques.optimization import deep_supervision_schedule_builder

FALLING, RISING = np.array([4.0, 3, 2, 1]), np.array([1.0, 2, 3, 4])


def mixed(share):
    return (1 - share) * FALLING + share * RISING


def sigmoid(p, k=10.0, x0=0.5, t=0.25):
    return 1 / (1 + np.exp(-k * (max(0, (p - t) / (1 - t)) - x0)))


def annealed(p, frequency=3.0, ratio=0.8):
    a = (1 - ratio) * (1 + np.cos(2 * np.pi * frequency * p)) / 2 + ratio
    return np.array([1 + 3 * a, 1 + 2 * a, 1 + a, 1])


CASES = {
    "constant_equal": [({}, lambda p: np.ones(4))],
    "constant_low_to_high": [({}, lambda p: RISING)],
    "constant_high_to_low": [({}, lambda p: FALLING)],
    "linear_low_to_high": [({}, mixed)],
    "non_linear_low_to_high": [({}, lambda p: mixed(p * p))],
    "custom_sigmoid_low_to_high": [
        ({}, lambda p: mixed(sigmoid(p))),
        ({"k": 4, "x0": 0.25, "transition_point": 0.5}, lambda p: mixed(sigmoid(p, 4, 0.25, 0.5))),
    ],
    "scale_by_scale_low_to_high": [({}, lambda p: np.eye(4)[{0: 0, 0.3: 1, 0.5: 2, 0.74: 2, 1: 3}[p]])],
    "cosine_annealing": [
        ({}, annealed),
        ({"frequency": 1, "final_ratio": 0.5}, lambda p: annealed(p, 1, 0.5)),
    ],
    "curriculum": [
        ({}, lambda p: np.arange(4) < {0: 1, 0.3: 1, 0.5: 2, 0.74: 2, 1: 4}[p]),
        ({"activation_strategy": "exp"}, lambda p: np.arange(4) < {0: 1, 0.3: 1, 0.5: 1, 0.74: 2, 1: 4}[p]),
        ({"max_active_outputs": 2}, lambda p: np.arange(4) < {0: 1, 0.3: 1, 0.5: 1, 0.74: 1, 1: 2}[p]),
    ],
}


@pytest.mark.parametrize("kind", CASES)
def test_oracle(kind):
    """Flat and nested; with one output there is one weight; the other order is the reverse."""
    for arguments, oracle in CASES[kind]:
        weights = deep_supervision_schedule_builder({"type": kind, "config": arguments}, 4)
        other = deep_supervision_schedule_builder({"type": kind.upper(), **arguments}, 4, order="main_first")
        single = deep_supervision_schedule_builder({"type": kind, **arguments}, 1)
        for p in (0, 0.3, 0.5, 0.74, 1):
            expected = oracle(p) / np.sum(oracle(p))
            np.testing.assert_allclose(weights(p), expected, rtol=1e-12)
            np.testing.assert_array_equal(other(p), weights(p)[::-1])
            np.testing.assert_allclose(weights(p).sum(), 1, rtol=1e-12)
            np.testing.assert_array_equal(single(p), [1.0])


def test_known_numbers():
    low_to_high = deep_supervision_schedule_builder({"type": "constant_low_to_high"}, 3)
    np.testing.assert_allclose(low_to_high(0.5), [1 / 6, 1 / 3, 1 / 2])
    linear = deep_supervision_schedule_builder({"type": "linear_low_to_high"}, 3)
    np.testing.assert_allclose(linear(np.float32(0)), [1 / 2, 1 / 3, 1 / 6])
    np.testing.assert_allclose(linear(1), [1 / 6, 1 / 3, 1 / 2])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("constant_equal", "config must be a dictionary"),
        ({}, "deep supervision type cannot be None"),
        ({"type": "linear"}, "Unknown deep supervision type"),
        ({"type": "linear_low_to_high", "k": 1}, r"Unknown keys \['k'\]"),
        ({"type": "custom_sigmoid_low_to_high", "k": -1}, "k=-1"),
        ({"type": "custom_sigmoid_low_to_high", "transition_point": 1}, "transition_point=1"),
        ({"type": "cosine_annealing", "final_ratio": 1.5}, "final_ratio=1.5"),
        ({"type": "cosine_annealing", "frequency": float("nan")}, "frequency=nan"),
        ({"type": "curriculum", "max_active_outputs": 0}, "max_active_outputs=0"),
        ({"type": "curriculum", "activation_strategy": "log"}, "activation_strategy='log'"),
    ],
)
def test_what_is_rejected(config, message):
    with pytest.raises(ValueError, match=message):
        deep_supervision_schedule_builder(config, 3)


def test_other_arguments_are_checked():
    config = {"type": "constant_equal"}
    with pytest.raises(ValueError, match="no_outputs=0"):
        deep_supervision_schedule_builder(config, 0)
    with pytest.raises(ValueError, match="order='random'"):
        deep_supervision_schedule_builder(config, 3, order="random")
    for percentage in (-0.1, 1.1, float("nan"), "half"):
        with pytest.raises(ValueError, match="`percentage` must"):
            deep_supervision_schedule_builder(config, 3)(percentage)
