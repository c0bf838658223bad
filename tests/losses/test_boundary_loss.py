import numpy as np
import pytest

from dl_techniques.losses import BoundaryLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import (
    PIXELS,
    WEIGHTS,
    assert_same_loss,
    masks,
    mean_of_classes,
    predictions,
    scores,
    square,
    value,
)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_oracle(from_logits, y_pred):
    def oracle(y, p):
        errors = oracles.boundary_weights(y, 3.0) * (y - p) ** 2
        return mean_of_classes(np.mean(errors, axis=PIXELS), WEIGHTS)

    assert_same_loss(BoundaryLoss(3.0, class_weights=WEIGHTS, from_logits=from_logits), oracle, masks(), y_pred)


def test_only_the_border_counts():
    y_true = square(10)
    weight = oracles.boundary_weights(y_true, 1.5)
    right_at_the_border = np.where(weight > 0, y_true, 1 - y_true)
    assert value(BoundaryLoss(), y_true, right_at_the_border) == 0
    wrong_at_the_border = np.where(weight > 0, 1 - y_true, y_true)
    np.testing.assert_allclose(value(BoundaryLoss(), y_true, wrong_at_the_border), np.mean(weight), rtol=1e-6)


def test_an_image_without_border_costs_nothing():
    y_true = np.broadcast_to(np.float32([1, 0, 0]), (2, 6, 5, 3))
    assert not np.any(value(BoundaryLoss(), y_true, predictions()))
