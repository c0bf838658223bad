import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.losses import FocalLoss, SegmentationCrossEntropyLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import (
    WEIGHTS,
    assert_same_loss,
    masks,
    predictions,
    scores,
    value,
    values_and_gradient,
)


@pytest.mark.parametrize(("gamma", "from_logits", "y_pred"), [(0.5, False, predictions()), (2.0, True, scores())])
def test_oracle(gamma, from_logits, y_pred):
    loss = FocalLoss(gamma, 0.5, class_weights=WEIGHTS, from_logits=from_logits)
    assert_same_loss(loss, lambda y, p: oracles.focal(y, p, WEIGHTS, alpha=0.5, gamma=gamma), masks(), y_pred)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_keras(from_logits, y_pred):
    built_in = keras.losses.CategoricalFocalCrossentropy(0.25, 2.0, from_logits, reduction="none")
    expected = ops.mean(built_in(masks(), y_pred), axis=(1, 2))
    np.testing.assert_allclose(value(FocalLoss(from_logits=from_logits), masks(), y_pred), expected, rtol=1e-5)


def test_gamma_zero_is_cross_entropy():
    found = value(FocalLoss(0.0, 1.0, class_weights=WEIGHTS), masks(), predictions())
    expected = value(SegmentationCrossEntropyLoss(WEIGHTS), masks(), predictions())
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_gradient_of_a_perfect_prediction_is_finite_where_that_of_the_power_is_not():
    found, gradient = values_and_gradient(FocalLoss(0.5), masks(), masks())
    assert not np.any(found)
    assert np.all(np.isfinite(gradient))
