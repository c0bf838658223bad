import numpy as np
from keras import ops
from scipy.special import expit
from sklearn.metrics import brier_score_loss

from dl_techniques.losses import BrierScoreLoss
from tests.oracles.calibration import EVENTS, FORECASTS, drawn_forecasts
from tests.oracles.compare import assert_same_penalty, values


def value(y_true, y_pred, **arguments):
    loss = BrierScoreLoss(**arguments)
    return ops.convert_to_numpy(loss(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)))


def test_it_is_scikit_learns():
    y, p = drawn_forecasts(24)
    assert_same_penalty(lambda x: BrierScoreLoss()(y, x), lambda x: brier_score_loss(y, np.clip(x, 0, 1)), p)
    logits = 4 * values(24)
    loss = BrierScoreLoss(from_logits=True)
    assert_same_penalty(lambda x: loss(y, x), lambda x: brier_score_loss(y, expit(x)), logits)


def test_worked_numbers():
    np.testing.assert_allclose(value(EVENTS, FORECASTS), 0.075, rtol=1e-6)
    assert value(EVENTS, np.full(4, 0.5, "float32")) == 0.25
    assert value(EVENTS, EVENTS) == 0
    assert value(EVENTS, np.zeros(4, "float32"), from_logits=True) == 0.25


def test_an_example_has_the_mean_of_its_elements():
    y, p = (x.reshape(4, 3, 2) for x in drawn_forecasts(24))
    expected = np.mean(np.square(p.astype("float64") - y), axis=(1, 2))
    np.testing.assert_allclose(value(y, p, reduction="none"), expected, rtol=1e-6)
    assert value(y[:, 0, 0], p[:, 0, 0], reduction="none").shape == (4,)
