import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import f1_score

from dl_techniques.losses import DiceFocalSegmentationLoss
from tests.losses._judged import judge
from tests.oracles.activations import sigmoid
from tests.oracles.compare import assert_accurate, values
from tests.oracles.detection import focal

CLASSES = 3
MASK = np.random.default_rng(0).integers(0, CLASSES, (2, 4, 5))
LOGITS = values(2, 4, 5, CLASSES)


def dice(y, p):
    """Of each image, without anything that smooths."""
    return 1 - np.mean(2 * np.sum(y * p, axis=(1, 2)) / np.sum(y + p, axis=(1, 2)), axis=-1)


def several(mask, logits, alpha, gamma):
    y, p = np.eye(CLASSES)[mask], softmax(logits.astype("float64"), axis=-1)
    right = np.sum(y * p, axis=-1)
    return np.mean(0.7 * dice(y, p) + 0.9 * np.mean(-alpha * (1 - right) ** gamma * np.log(right), axis=(1, 2)))


def test_several_classes_by_number_or_one_hot():
    loss = judge(DiceFocalSegmentationLoss(CLASSES, 0.7, focal_weight=0.9, focal_alpha=0.4, focal_gamma=1.5))
    expected = several(MASK, LOGITS, 0.4, 1.5)
    value, gradient = loss(MASK, LOGITS)
    assert_accurate(value, expected)
    for target in (MASK[..., None], np.eye(CLASSES)[MASK]):
        np.testing.assert_allclose(loss(target, LOGITS)[0], value, rtol=1e-6)
    direction, h = values(*LOGITS.shape, seed=3).astype("float64"), 1e-5
    slope = (several(MASK, LOGITS + h * direction, 0.4, 1.5) - several(MASK, LOGITS - h * direction, 0.4, 1.5)) / 2e-5
    np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-5)


@pytest.mark.parametrize("from_logits", [False, True])
def test_one_class(from_logits):
    y, logits = (MASK == 1).astype("float64"), LOGITS[..., :1]
    p = sigmoid(logits.astype("float64"))
    expected = 0.5 * dice(y[..., None], p) + 0.5 * np.mean(focal(y, p[..., 0], alpha=0.25, gamma=2), axis=(1, 2))
    loss = judge(DiceFocalSegmentationLoss(from_logits=from_logits))
    assert_accurate(loss(y, logits if from_logits else p)[0], np.mean(expected))


def test_dice_of_sure_predictions_is_sklearn_s():
    other = np.random.default_rng(1).integers(0, CLASSES, MASK.shape)
    loss = judge(DiceFocalSegmentationLoss(CLASSES, 1.0, focal_weight=0.0, from_logits=False))
    expected = np.mean([1 - f1_score(a.ravel(), b.ravel(), average="macro") for a, b in zip(MASK, other, strict=True)])
    np.testing.assert_allclose(loss(MASK, np.eye(CLASSES)[other])[0], expected, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_a_sure_prediction_has_a_finite_gradient(gamma):
    sure = 200 * np.eye(CLASSES)[MASK]
    value, gradient = judge(DiceFocalSegmentationLoss(CLASSES, focal_gamma=gamma))(MASK, sure)
    assert value < 1e-5
    assert np.all(np.isfinite(gradient))


def test_what_is_neither_there_nor_predicted_costs_nothing():
    nowhere = np.full((2, 4, 5, 1), -100.0)
    value, _ = judge(DiceFocalSegmentationLoss())(np.zeros((2, 4, 5)), nowhere)
    assert value < 1e-6
