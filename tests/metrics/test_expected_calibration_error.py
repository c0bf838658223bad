import numpy as np
import pytest
from scipy.special import softmax

from dl_techniques.metrics import ExpectedCalibrationError, compute_ece
from tests.oracles.calibration import calibration_error, drawn_classes, top_label

LABELS, P = drawn_classes(40, 4)
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
HALVES = (slice(20), slice(20, None))


def score(*arrays, **arguments):
    """In two parts of 20 examples."""
    metric = ExpectedCalibrationError(**arguments)
    for half in HALVES:
        metric.update_state(*(x[half] for x in arrays))
    return float(metric.result())


@pytest.mark.parametrize("num_bins", [15, 1])
def test_oracle(num_bins):
    weights = np.linspace(0, 2, 40).astype("float32")
    confidence, hit = top_label(LABELS, P)
    expected = calibration_error(confidence, hit, num_bins, weights)
    assert score(LABELS, P, weights, num_bins=num_bins) == pytest.approx(expected, rel=1e-5)
    assert score(LABELS, P, num_bins=num_bins) == pytest.approx(compute_ece(LABELS, P, num_bins), rel=1e-5)


def test_targets_of_every_shape():
    expected = score(LABELS, P)
    for y_true in (ONE_HOT, ONE_HOT.astype("bool"), LABELS[:, None], LABELS.astype("float32")):
        assert score(y_true, P) == expected


def test_every_pixel_is_an_example_with_the_weight_of_its_image():
    images = ExpectedCalibrationError()
    images.update_state(LABELS.reshape(4, 10), P.reshape(4, 10, 4), np.float32([2, 1, 0, 1]))
    expected = calibration_error(*top_label(LABELS, P), 15, np.repeat([2, 1, 0, 1], 10))
    assert float(images.result()) == pytest.approx(expected, rel=1e-5)


def test_logits():
    assert score(LABELS, 3 * P, from_logits=True) == pytest.approx(score(LABELS, softmax(3 * P, axis=1)), rel=1e-5)


def test_constant_confidence():
    """The gap between it and the accuracy."""
    y_pred = np.tile(np.float32([0.8, 0.2, 0, 0]), (40, 1))
    assert score(np.repeat([0, 1, 0, 1], 10), y_pred) == pytest.approx(0.3, rel=1e-6)


def test_a_bin_holds_its_upper_end():
    """So 0.8 and 0.79 share one of five, and their gaps of opposite signs are one."""
    y_pred = np.repeat(np.float32([[0.8, 0.2, 0, 0], [0.79, 0.21, 0, 0]]), 20, axis=0)
    assert score(np.repeat([0, 1], 20), y_pred, num_bins=5) == pytest.approx(0.295, rel=1e-6)


def test_certain_and_right_or_nothing_at_all():
    assert score(LABELS, ONE_HOT) == 0
    assert float(ExpectedCalibrationError().result()) == 0


def test_a_class_that_does_not_exist_is_never_hit():
    assert score(np.repeat([-1, 4], 20), ONE_HOT) == 1


def test_one_column_is_refused():
    with pytest.raises(ValueError, match=r"must hold two classes or more.* Received: y_pred shape=\(20, 1\)"):
        score(LABELS, P[:, :1])
