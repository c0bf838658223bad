import numpy as np
import pytest
from scipy import stats

from dl_techniques.metrics import SpiegelhalterZMetric
from tests.oracles.calibration import EVENTS, FORECASTS, drawn_forecasts, z_of_logits, z_statistic

each_statistic = pytest.mark.parametrize("statistic", ["spiegelhalter", "in_the_large"])


def score(*batches, **arguments):
    metric = SpiegelhalterZMetric(**arguments)
    for batch in batches:
        metric.update_state(*batch)
    return float(metric.result())


@each_statistic
def test_oracle(statistic):
    y, p = drawn_forecasts(24)
    weights = np.linspace(0, 2, 24).astype("float32")
    expected = z_statistic(y, p.astype("float64"), statistic, weights)
    assert score((y, p, weights), statistic=statistic) == pytest.approx(expected, rel=1e-5)
    parts = [(y[part], p[part], weights[part]) for part in (slice(8), slice(8, None))]
    assert score(*parts, statistic=statistic) == pytest.approx(expected, rel=1e-5)
    logits = 6 * p - 3
    expected = z_of_logits(y, logits.astype("float64"), statistic)
    assert score((y, logits), from_logits=True, statistic=statistic) == pytest.approx(expected, rel=1e-5)


def test_worked_numbers():
    assert score((EVENTS, FORECASTS)) == pytest.approx(-1.005038, abs=1e-6)
    assert score((EVENTS, FORECASTS), statistic="in_the_large") == pytest.approx(0.478091, abs=1e-6)
    assert score((EVENTS, np.full(4, 0.5, "float32"))) == score((EVENTS, EVENTS)) == score() == 0


@each_statistic
def test_a_weight_of_two_is_the_forecast_twice(statistic):
    once = score((EVENTS, FORECASTS, np.float32([2, 1, 0, 1])), statistic=statistic)
    index = [0, 0, 1, 3]
    assert once == pytest.approx(score((EVENTS[index], FORECASTS[index]), statistic=statistic), rel=1e-5)


def test_of_calibrated_forecasts_it_is_normal():
    y, p = drawn_forecasts(100 * 100)
    for statistic in ("spiegelhalter", "in_the_large"):
        assert abs(score((y, p), statistic=statistic)) < 4
    metric, found = SpiegelhalterZMetric(), []
    for pair in zip(y.reshape(100, 100), p.reshape(100, 100), strict=True):
        metric.reset_state()
        metric.update_state(*pair)
        found.append(float(metric.result()))
    assert stats.kstest(found, stats.norm.cdf).pvalue > 0.001
