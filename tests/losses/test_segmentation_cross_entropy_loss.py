import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.losses import SegmentationCrossEntropyLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import WEIGHTS, assert_same_loss, masks, predictions, scores, value


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_oracle(from_logits, y_pred):
    loss = SegmentationCrossEntropyLoss(WEIGHTS, from_logits)
    assert_same_loss(loss, lambda y, p: oracles.cross_entropy(y, p, WEIGHTS), masks(), y_pred)


@pytest.mark.parametrize(("from_logits", "y_pred"), [(False, predictions()), (True, scores())])
def test_keras(from_logits, y_pred):
    built_in = keras.losses.CategoricalCrossentropy(from_logits, reduction="none")
    expected = ops.mean(built_in(masks(), y_pred), axis=(1, 2))
    np.testing.assert_allclose(
        value(SegmentationCrossEntropyLoss(from_logits=from_logits), masks(), y_pred), expected, 1e-5
    )


def test_soft_targets_of_any_rank():
    y_true, y_pred = predictions(seed=8), predictions()
    expected = oracles.cross_entropy(y_true, y_pred)
    for shape in ((2, 30, 3), (2, 3, 2, 5, 3)):
        found = value(SegmentationCrossEntropyLoss(), y_true.reshape(shape), y_pred.reshape(shape))
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_number_of_weights_is_that_of_the_classes():
    with pytest.raises(ValueError, match=r"one number for each class.*class_weights=\[1.0, 2.0\]"):
        SegmentationCrossEntropyLoss([1.0, 2.0])(masks(), predictions())


def test_logits_of_one_class_have_no_softmax():
    with pytest.raises(ValueError, match=r"at least two classes.*\(2, 6, 5, 1\)"):
        SegmentationCrossEntropyLoss(from_logits=True)(masks()[..., :1], predictions()[..., :1])
