import numpy as np
import pytest
from scipy.special import expit, log_expit

from dl_techniques.losses import ComboLoss, DiceLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import (
    WEIGHTS,
    assert_same_loss,
    cotangent,
    masks,
    mean_of_classes,
    predictions,
    scores,
    value,
    values_and_gradient,
)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_the_papers_formula(from_logits, y_pred):
    """But for the constant."""
    alpha, beta = 0.25, 0.75

    def oracle(y, p):
        terms = oracles.weighted_cross_entropy(y, p, beta=beta), 1 - oracles.dice(y, p, smooth=0.5)
        entropy, coefficient = (mean_of_classes(term, WEIGHTS) for term in terms)
        return alpha * entropy - (1 - alpha) * coefficient + (1 - alpha)

    loss = ComboLoss(alpha, beta, smooth=0.5, class_weights=WEIGHTS, from_logits=from_logits)
    assert_same_loss(loss, oracle, masks(), y_pred)


def test_alpha_zero_is_dice():
    found = value(ComboLoss(0.0, smooth=0.5, class_weights=WEIGHTS), masks(), predictions())
    expected = value(DiceLoss(0.5, class_weights=WEIGHTS), masks(), predictions())
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_logits_that_are_surely_wrong_keep_their_gradient():
    """Where rounded probabilities are 0 and 1."""
    logits = np.zeros((2, 1, 3, 2), "float32")
    logits[..., 0] = [[10.0, 40.0, 300.0], [-10.0, -40.0, -300.0]][0]
    y_true = np.zeros_like(logits)
    y_true[..., 1] = 1
    found, gradient = values_and_gradient(ComboLoss(1.0, 0.0, from_logits=True), y_true, logits)
    # The two classes of each pixel: log(1 - p) of the first, which is not there.
    x = logits[..., 0].astype("float64")
    np.testing.assert_allclose(found, np.mean(-log_expit(-x), axis=(1, 2)) / 2, rtol=1e-6)
    np.testing.assert_allclose(gradient[..., 0], cotangent(2)[:, None, None] * expit(x) / 6, rtol=1e-5)
