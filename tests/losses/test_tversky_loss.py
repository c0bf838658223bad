import keras
import numpy as np
import pytest
from keras import ops
from sklearn.metrics import jaccard_score

from dl_techniques.losses import DiceLoss, TverskyLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import (
    PIXELS,
    WEIGHTS,
    assert_same_loss,
    masks,
    mean_of_classes,
    predictions,
    scores,
    value,
)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_oracle(from_logits, y_pred):
    loss = TverskyLoss(0.2, 1.2, smooth=0.5, class_weights=WEIGHTS, from_logits=from_logits)
    assert_same_loss(
        loss,
        lambda y, p: mean_of_classes(oracles.tversky(y, p, alpha=0.2, beta=1.2, smooth=0.5), WEIGHTS),
        masks(),
        y_pred,
    )


def test_keras():
    """Which calls the cost of a miss `alpha`, other than the paper."""
    expected = ops.mean(keras.losses.tversky(masks(), predictions(), alpha=0.7, beta=0.3, axis=PIXELS), axis=-1)
    np.testing.assert_allclose(value(TverskyLoss(0.3, 0.7), masks(), predictions()), expected, rtol=1e-5)


def test_equal_halves_are_dice():
    found = value(TverskyLoss(0.5, 0.5, smooth=0.25), masks(), predictions())
    np.testing.assert_allclose(found, value(DiceLoss(0.5), masks(), predictions()), rtol=1e-6)


def test_ones_are_jaccard():
    predicted = np.eye(3, dtype="float32")[predictions().argmax(axis=-1)]
    found = value(TverskyLoss(1.0, 1.0), masks(), predicted)
    expected = [
        1 - jaccard_score(y.argmax(axis=-1).ravel(), p.argmax(axis=-1).ravel(), labels=range(3), average="macro")
        for y, p in zip(masks(), predicted, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
