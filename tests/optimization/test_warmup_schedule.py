import keras
import numpy as np
import pytest
from keras.optimizers.schedules import CosineDecay, ExponentialDecay

from dl_techniques.optimization import WarmupSchedule
from tests.optimization_contract import rates

CONSTANT = ExponentialDecay(1e-3, decay_steps=1, decay_rate=1.0)


def test_oracle():
    """The other schedule sees the same step."""
    schedule = WarmupSchedule(40, 1e-5, primary_schedule=CosineDecay(0.1, decay_steps=100, alpha=0.25))
    step = np.array([0, 1, 20, 39, 40, 41, 100, 500])
    primary = 0.1 * (0.75 * (1 + np.cos(np.pi * np.minimum(step, 100) / 100)) / 2 + 0.25)
    expected = 1e-5 + (primary - 1e-5) * np.minimum(step / 40, 1)
    np.testing.assert_allclose(rates(schedule, step.tolist()), expected, rtol=1e-6)


def test_the_ends_are_exact_and_the_way_rises():
    schedule = WarmupSchedule(10, primary_schedule=CONSTANT)
    found = rates(schedule, range(13))
    assert found[0] == np.float32(1e-8)
    assert np.all(np.diff(found[:11]) > 0)
    assert found[10:] == [np.float32(1e-3)] * 3


def test_without_a_warmup_it_is_the_other_schedule():
    schedule = WarmupSchedule(0, 0.5, primary_schedule=CONSTANT)
    assert rates(schedule, (0, 1, 100)) == [np.float32(1e-3)] * 3


def test_a_schedule_of_python_numbers_will_do():
    class Steps(keras.optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.5

    assert rates(WarmupSchedule(4, 0.0, primary_schedule=Steps()), (0, 1, 4)) == [0.0, 0.125, 0.5]


def test_the_schedule_must_be_given():
    with pytest.raises(TypeError, match="primary_schedule"):
        WarmupSchedule(4)
