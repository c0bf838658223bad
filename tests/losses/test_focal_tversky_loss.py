import numpy as np
import pytest

from dl_techniques.losses import FocalTverskyLoss, TverskyLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import (
    WEIGHTS,
    assert_same_loss,
    masks,
    mean_of_classes,
    predictions,
    scores,
    value,
    values_and_gradient,
)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_oracle(from_logits, y_pred):
    """The default is the paper's: the power 1 / gamma with gamma = 4/3."""
    loss = FocalTverskyLoss(class_weights=WEIGHTS, from_logits=from_logits)
    assert_same_loss(
        loss, lambda y, p: mean_of_classes(oracles.tversky(y, p) ** (1 / (4 / 3)), WEIGHTS), masks(), y_pred
    )


def test_exponent_one_is_tversky():
    arguments = {"smooth": 0.5, "class_weights": WEIGHTS}
    found = value(FocalTverskyLoss(0.2, 1.2, exponent=1.0, **arguments), masks(), predictions())
    np.testing.assert_allclose(found, value(TverskyLoss(0.2, 1.2, **arguments), masks(), predictions()), rtol=1e-6)


def test_the_gradient_of_a_perfect_prediction_is_zero_not_infinite():
    found, gradient = values_and_gradient(FocalTverskyLoss(), masks(), masks())
    assert not np.any(found)
    assert not np.any(gradient)
