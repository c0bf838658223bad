import numpy as np
import pytest
from scipy.special import softmax

from dl_techniques.metrics import ClasswiseCalibrationError, compute_classwise_ece, compute_ece
from tests.oracles.calibration import classwise_error, drawn_classes

LABELS, P = drawn_classes(40, 4)
ONE_HOT = np.eye(4, dtype="float32")[LABELS]


def score(*arrays, num_classes=4, **arguments):
    """In two parts of 20 examples."""
    metric = ClasswiseCalibrationError(num_classes, **arguments)
    for half in (slice(20), slice(20, None)):
        metric.update_state(*(x[half] for x in arrays))
    return float(metric.result())


@pytest.mark.parametrize("num_bins", [15, 1])
def test_oracle(num_bins):
    weights = np.linspace(0, 2, 40).astype("float32")
    expected = pytest.approx(classwise_error(LABELS, P, num_bins, weights), rel=1e-5)
    assert score(LABELS, P, weights, num_bins=num_bins) == expected
    assert score(ONE_HOT, P, weights, num_bins=num_bins) == expected
    assert score(LABELS, P, num_bins=num_bins) == pytest.approx(compute_classwise_ece(LABELS, P, num_bins), rel=1e-5)


def test_every_pixel_is_an_example_with_the_weight_of_its_image():
    images = ClasswiseCalibrationError(4)
    images.update_state(LABELS.reshape(4, 10), P.reshape(4, 10, 4), np.float32([2, 1, 0, 1]))
    expected = classwise_error(LABELS, P, 15, np.repeat([2, 1, 0, 1], 10))
    assert float(images.result()) == pytest.approx(expected, rel=1e-5)


def test_logits():
    assert score(LABELS, 3 * P, from_logits=True) == pytest.approx(score(LABELS, softmax(3 * P, axis=1)), rel=1e-5)


def test_of_two_classes_it_is_the_expected_error():
    """Both classes are then off alike, where the first is the more probable one."""
    p = np.linspace(0.51, 0.99, 40).astype("float32")
    y_pred = np.stack([p, 1 - p], axis=1)
    found = score(LABELS % 2, y_pred, num_classes=2, num_bins=10)
    assert found == pytest.approx(compute_ece(LABELS % 2, y_pred, 10), rel=1e-5)


def test_certain_and_right_or_nothing_at_all():
    assert score(LABELS, ONE_HOT) == 0
    assert float(ClasswiseCalibrationError(4).result()) == 0


def test_certain_and_wrong():
    """Each example is missed by two classes of four: at 0, which the first bin holds, and at 1."""
    assert score((LABELS + 1) % 4, ONE_HOT) == pytest.approx(0.5, rel=1e-6)


def test_a_class_that_does_not_exist_is_no_class():
    assert score(np.repeat([-1, 4], 20), np.full((40, 4), 0.25, "float32")) == 0.25
