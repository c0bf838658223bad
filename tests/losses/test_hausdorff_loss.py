import numpy as np
import pytest

from dl_techniques.losses import HausdorffLoss
from tests.oracles import segmentation as oracles
from tests.oracles.segmentation import WEIGHTS, assert_same_loss, mean_of_classes, square, value


@pytest.mark.parametrize("from_logits", [False, True])
def test_oracle(from_logits):
    """Of an image in which most pixels are surely wrong."""
    random = np.random.default_rng(3)
    y_true = np.broadcast_to(np.float32([1, 0, 0]), (2, 6, 5, 3))
    logits = random.standard_normal((2, 6, 5, 3)) + np.array([-3.0, 3.0, 0.0])
    y_pred = (logits if from_logits else oracles.softmax(logits)).astype("float32")
    loss = HausdorffLoss(1.5, 3, class_weights=WEIGHTS, from_logits=from_logits)
    expected = oracles.hausdorff(y_true, oracles.softmax(logits), alpha=1.5, erosions=3)
    assert np.all(expected[:, :2] > 0)

    def oracle(y, p):
        return mean_of_classes(oracles.hausdorff(y, p, alpha=1.5, erosions=3), WEIGHTS)

    assert_same_loss(loss, oracle, y_true, y_pred)


def test_it_grows_with_the_shift_of_a_square_and_faster_than_the_area():
    shifts = np.arange(1, 9)
    found = np.concatenate([value(HausdorffLoss(), square(10), square(10 + shift)) for shift in shifts])
    expected = np.concatenate([mean_of_classes(oracles.hausdorff(square(10), square(10 + shift))) for shift in shifts])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert np.all(np.diff(found[2:]) > 0)
    assert np.all(np.diff(found / shifts)[2:] > 0)


def test_a_line_is_gone_after_the_first_erosion():
    """However long it is."""
    y_pred = square(10)
    y_pred[:, 5, :] = [0, 1]
    once, often = (value(HausdorffLoss(erosions=erosions), square(10), y_pred) for erosions in (1, 10))
    assert 0 < once == often


def test_uncertain_pixels_are_not_seen():
    y_pred = np.full((1, 32, 32, 2), 0.5, "float32")
    assert value(HausdorffLoss(), square(10), y_pred) == 0
