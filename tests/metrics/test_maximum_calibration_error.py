import numpy as np
import pytest

from dl_techniques.metrics import ExpectedCalibrationError, MaximumCalibrationError
from tests.oracles.calibration import drawn_classes, maximum_error, top_label

LABELS, P = drawn_classes(40, 4)
WEIGHTS = np.linspace(0, 2, 40).astype("float32")


def score(y_true, y_pred, num_bins, kind=MaximumCalibrationError):
    """In two parts of 20 examples."""
    metric = kind(num_bins)
    for half in (slice(20), slice(20, None)):
        metric.update_state(y_true[half], y_pred[half], WEIGHTS[half])
    return float(metric.result())


@pytest.mark.parametrize("num_bins", [15, 1])
def test_oracle(num_bins):
    expected = maximum_error(*top_label(LABELS, P), num_bins, WEIGHTS)
    assert score(LABELS, P, num_bins) == pytest.approx(expected, rel=1e-5)


def test_it_is_not_below_the_expected_error():
    for num_bins in (15, 1):
        expected, largest = (
            score(LABELS, P, num_bins, kind) for kind in (ExpectedCalibrationError, MaximumCalibrationError)
        )
        assert expected <= largest * (1 + 1e-6)
        assert (expected == pytest.approx(largest, rel=1e-6)) == (num_bins == 1)


def test_certain_and_right_or_nothing_at_all():
    assert score(LABELS, np.eye(4, dtype="float32")[LABELS], 15) == 0
    assert float(MaximumCalibrationError().result()) == 0
