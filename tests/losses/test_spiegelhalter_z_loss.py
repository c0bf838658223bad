import numpy as np
import pytest
from keras import ops

from dl_techniques.losses import SpiegelhalterZLoss
from tests.oracles.calibration import EVENTS, FORECASTS, drawn_forecasts, z_of_logits, z_statistic
from tests.oracles.compare import assert_same_penalty, penalty_and_gradient, values

each_statistic = pytest.mark.parametrize("statistic", ["spiegelhalter", "in_the_large"])


def value(y_true, y_pred, **arguments):
    loss = SpiegelhalterZLoss(**arguments)
    return float(loss(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)))


def slope(y_true, y_pred, **arguments):
    return penalty_and_gradient(lambda p: SpiegelhalterZLoss(**arguments)(y_true, p), y_pred)[1]


@each_statistic
def test_oracle(statistic):
    y, p = drawn_forecasts(24)
    squared = SpiegelhalterZLoss(statistic=statistic)
    absolute = SpiegelhalterZLoss(use_squared=False, statistic=statistic)
    assert_same_penalty(lambda x: squared(y, x), lambda x: z_statistic(y, x, statistic) ** 2, p)
    assert_same_penalty(lambda x: absolute(y, x), lambda x: abs(z_statistic(y, x, statistic)), p)


@each_statistic
def test_logits_keep_their_digits(statistic):
    """Of forecasts that are certain up to a millionth too."""
    y = np.float32([1, 0, 1, 1, 0, 0, 1, 0] * 3)
    x = np.where(y == 1, 14, -14) + values(24)
    expected = z_of_logits(y, x.astype("float64"), statistic) ** 2
    assert value(y, x, from_logits=True, statistic=statistic) == pytest.approx(expected, rel=1e-5)


def test_worked_numbers():
    assert value(EVENTS, FORECASTS, use_squared=False) == pytest.approx(1.005038, abs=1e-6)
    assert value(EVENTS, FORECASTS) == pytest.approx(1.005038**2, abs=2e-6)
    assert value(EVENTS, FORECASTS, use_squared=False, statistic="in_the_large") == pytest.approx(0.478091, abs=1e-6)


@pytest.mark.parametrize("use_squared", [True, False])
def test_where_it_would_divide_by_zero(use_squared):
    halves = np.full(4, 0.5, "float32")
    assert value(EVENTS, halves, use_squared=use_squared) == 0
    assert np.all(np.isfinite(slope(EVENTS, halves, use_squared=use_squared)))
    for statistic in ("spiegelhalter", "in_the_large"):
        arguments = {"use_squared": use_squared, "statistic": statistic}
        assert value(EVENTS, EVENTS, **arguments) == 0
        np.testing.assert_array_equal(slope(EVENTS, EVENTS, **arguments), np.zeros(4))


def test_certain_forecasts_that_fail_are_the_worst():
    fair = value(EVENTS, FORECASTS)
    for y_pred in (1 - EVENTS, 1e30 * (1 - 2 * EVENTS)):
        wrong = value(EVENTS, y_pred)
        assert 1e6 * fair < wrong < np.inf
        assert np.all(np.isfinite(slope(EVENTS, y_pred)))


def test_of_calibrated_forecasts_it_is_that_of_a_normal_number():
    """Which is beyond 4 in one of 16000 cases."""
    for statistic in ("spiegelhalter", "in_the_large"):
        assert value(*drawn_forecasts(10_000), use_squared=False, statistic=statistic) < 4
