import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from dl_techniques.metrics import CapsuleAccuracy

RNG = np.random.default_rng(0)
LENGTHS = RNG.uniform(0, 1, (12, 3)).astype("float32")
LABELS = np.where(RNG.uniform(size=12) < 0.5, LENGTHS.argmax(axis=-1), RNG.integers(0, 3, 12))
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
WEIGHTS = RNG.uniform(0, 2, 12).astype("float32")


def test_accuracy_in_parts_equals_that_of_all():
    accuracy = CapsuleAccuracy()
    assert float(accuracy.result()) == 0
    for weights in (None, WEIGHTS):
        accuracy.reset_state()
        for part in (slice(0, 6), slice(6, 12)):
            accuracy.update_state(ONE_HOT[part], LENGTHS[part], None if weights is None else weights[part])
        expected = accuracy_score(LABELS, LENGTHS.argmax(axis=-1), sample_weight=weights)
        assert float(accuracy.result()) == pytest.approx(expected, rel=1e-6)
    accuracy.reset_state()
    assert float(accuracy.result()) == 0


def test_known_values():
    assert float(CapsuleAccuracy()(ONE_HOT, ONE_HOT)) == 1
    assert float(CapsuleAccuracy()(ONE_HOT, -ONE_HOT)) == 0
    # Lengths that are all equal name the first class.
    assert float(CapsuleAccuracy()(ONE_HOT, np.ones_like(ONE_HOT))) == pytest.approx(np.mean(LABELS == 0))
    # Several axes of examples: the mean over all.
    images = [x.reshape(4, 3, 3) for x in (ONE_HOT, LENGTHS)]
    expected = accuracy_score(LABELS, LENGTHS.argmax(axis=-1))
    assert float(CapsuleAccuracy()(*images)) == pytest.approx(expected, rel=1e-6)
