import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import brier_score_loss

from dl_techniques.metrics import BrierScoreMetric
from tests.oracles.calibration import EVENTS, FORECASTS, drawn_forecasts


def score(*batches, **arguments):
    metric = BrierScoreMetric(**arguments)
    for batch in batches:
        metric.update_state(*batch)
    return float(metric.result())


def test_it_is_scikit_learns():
    y, p = drawn_forecasts(24)
    weights = np.linspace(0, 2, 24).astype("float32")
    expected = brier_score_loss(y, p, sample_weight=weights)
    assert score((y, p, weights)) == pytest.approx(expected, rel=1e-6)
    assert score((y[:8], p[:8], weights[:8]), (y[8:], p[8:], weights[8:])) == pytest.approx(expected, rel=1e-6)
    assert score((y, 6 * p - 3), from_logits=True) == pytest.approx(brier_score_loss(y, expit(6 * p - 3)), rel=1e-6)


def test_worked_numbers():
    assert score((EVENTS, FORECASTS)) == pytest.approx(0.075, rel=1e-6)
    assert score((EVENTS, np.full(4, 0.5, "float32"))) == 0.25
    assert score((EVENTS, EVENTS)) == score() == 0


def test_weights_of_examples_elements_and_all():
    y, p = (x.reshape(6, 4) for x in drawn_forecasts(24))
    errors = np.square(p.astype("float64") - y)
    for shape in ((6,), (6, 1), (6, 4), ()):
        weights = np.random.default_rng(1).uniform(size=shape).astype("float32")
        of_elements = np.broadcast_to(weights[:, None] if shape == (6,) else weights, (6, 4))
        assert score((y, p, weights)) == pytest.approx(np.average(errors, weights=of_elements), rel=1e-5)
    assert score((y[:, 0], p[:, 0], np.float32([[1], *[[0]] * 5]))) == pytest.approx(errors[0, 0], rel=1e-5)


def test_weights_must_fit():
    y, p = (x.reshape(6, 4) for x in drawn_forecasts(24))
    for shape in ((4,), (6, 2), (6, 4, 2)):
        with pytest.raises(ValueError, match=r"`sample_weight` must have .* Received: sample_weight shape=\(\d, ?"):
            score((y, p, np.ones(shape, "float32")))
