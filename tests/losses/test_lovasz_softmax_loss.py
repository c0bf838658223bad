import numpy as np
import pytest
from sklearn.metrics import jaccard_score

from dl_techniques.losses import LovaszSoftmaxLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import WEIGHTS, assert_same_loss, masks, predictions, scores, value


def without_the_last_class() -> np.ndarray:
    """In the first image."""
    y_true = masks()
    y_true[0] = np.where(y_true[0, ..., 2:] == 1, [1, 0, 0], y_true[0])
    return y_true


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_oracle(from_logits, y_pred):
    loss = LovaszSoftmaxLoss(WEIGHTS, from_logits)
    assert_same_loss(loss, lambda y, p: oracles.lovasz(y, p, WEIGHTS), without_the_last_class(), y_pred)


def test_predictions_of_zeros_and_ones_cost_one_minus_the_intersection_over_union():
    y_true, y_pred = without_the_last_class(), np.eye(3, dtype="float32")[predictions().argmax(axis=-1)]
    for c in range(3):
        found = value(LovaszSoftmaxLoss([float(c == i) for i in range(3)]), y_true, y_pred)
        shown = y_true[..., c].any(axis=(1, 2))
        scored = [jaccard_score(y.ravel(), p.ravel()) for y, p in zip(y_true[..., c], y_pred[..., c], strict=True)]
        np.testing.assert_allclose(found, np.where(shown, 1 - np.array(scored), 0), atol=1e-6)


def test_an_image_without_any_class_costs_nothing():
    y_true = masks()
    y_true[0] = 0
    nothing, something = value(LovaszSoftmaxLoss(), y_true, predictions())
    assert nothing == 0
    assert something > 0


def test_equal_errors_in_any_order():
    """Of ties any order gives the same value."""
    y_pred = np.full(masks().shape, 0.5, "float32")
    np.testing.assert_allclose(value(LovaszSoftmaxLoss(), masks(), y_pred), 0.5, rtol=1e-6)
