import pytest
from scipy.special import expit
from sklearn.metrics import brier_score_loss

from dl_techniques.losses import CombinedCalibrationLoss
from tests.oracles.calibration import EVENTS, FORECASTS, drawn_forecasts, z_statistic
from tests.oracles.compare import assert_same_penalty, values


def test_oracle():
    y, p = drawn_forecasts(24)

    def combined(x, alpha, power):
        return alpha * brier_score_loss(y, x) + (1 - alpha) * abs(z_statistic(y, x)) ** power

    squared = CombinedCalibrationLoss()
    assert_same_penalty(lambda x: squared(y, x), lambda x: combined(x, 0.5, 2), p)
    absolute = CombinedCalibrationLoss(0.75, use_squared_z=False, from_logits=True)
    assert_same_penalty(lambda x: absolute(y, x), lambda x: combined(expit(x), 0.75, 1), values(24))


@pytest.mark.parametrize(
    ("alpha", "expected"), [(1.0, 0.075), (0.0, 1.005038), (0.75, 0.75 * 0.075 + 0.25 * 1.005038)]
)
def test_worked_numbers(alpha, expected):
    loss = CombinedCalibrationLoss(alpha, use_squared_z=False)
    assert float(loss(EVENTS, FORECASTS)) == pytest.approx(expected, abs=1e-6)
    assert float(loss(EVENTS, EVENTS)) == 0


def test_of_no_examples_it_is_zero():
    assert float(CombinedCalibrationLoss()(EVENTS[:0], FORECASTS[:0])) == 0
