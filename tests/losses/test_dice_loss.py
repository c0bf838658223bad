import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.losses import DiceLoss
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
@pytest.mark.parametrize("squared", [False, True])
def test_oracle(squared, from_logits, y_pred):
    loss = DiceLoss(0.5, squared, class_weights=WEIGHTS, from_logits=from_logits)
    assert_same_loss(
        loss,
        lambda y, p: mean_of_classes(oracles.dice(y, p, smooth=0.5, squared=squared), WEIGHTS),
        masks(),
        y_pred,
    )


def test_keras():
    expected = ops.mean(keras.losses.dice(masks(), predictions(), axis=PIXELS), axis=-1)
    np.testing.assert_allclose(value(DiceLoss(1e-6), masks(), predictions()), expected, rtol=1e-5)


@pytest.mark.parametrize("squared", [False, True])
def test_an_absent_class_costs_nothing_unless_it_is_predicted(squared):
    y_true = np.zeros((2, 4, 4, 3), "float32")
    y_true[..., 0] = 1
    y_pred = y_true.copy()
    y_pred[1, 0, 0] = [0, 0, 1]
    right, wrong = value(DiceLoss(class_weights=[0.0, 0.0, 1.0], squared=squared), y_true, y_pred)
    assert right == 0
    np.testing.assert_allclose(wrong, 1, rtol=1e-5)


def test_squares_have_their_minimum_at_soft_targets():
    soft = predictions()
    np.testing.assert_allclose(value(DiceLoss(squared=True), soft, soft), 0, atol=1e-6)
    assert np.all(value(DiceLoss(), soft, soft) > 0.1)
