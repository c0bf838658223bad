import numpy as np
import pytest
from keras import ops
from sklearn.metrics import top_k_accuracy_score

from dl_techniques.metrics import CLIPAccuracy
from tests.oracles.compare import values

N = 8
PAIRS = values(2, 2, N, N) + np.eye(N, dtype="float32")
WEIGHTS = np.random.default_rng(0).uniform(0, 2, (2, N)).astype("float32")


def oracle(k, weights=None):
    """scikit-learn's, of all rows of both batches: of images, of texts."""
    labels = np.tile(np.arange(N), 2)
    weights = None if weights is None else weights.ravel()
    sides = [PAIRS[:, side].reshape(-1, N) for side in (0, 1)]
    return [top_k_accuracy_score(labels, x, k=k, labels=np.arange(N), sample_weight=weights) for x in sides]


def updated(accuracy, weights=(None, None)):
    for pair, weight in zip(PAIRS, weights, strict=True):
        accuracy.update_state(None, list(pair), weight)
    return ops.convert_to_numpy(accuracy.result())


def test_accuracy_over_two_batches():
    for k in (1, 3):
        assert updated(CLIPAccuracy(k)) == pytest.approx(np.mean(oracle(k)), rel=1e-6)
    accuracy = CLIPAccuracy(3, track_directions=True, average_directions=False)
    np.testing.assert_array_equal(ops.convert_to_numpy(accuracy.result()), [0, 0])
    np.testing.assert_allclose(updated(accuracy), oracle(3), rtol=1e-6)
    accuracy.reset_state()
    expected = oracle(3, WEIGHTS)
    np.testing.assert_allclose(updated(accuracy, WEIGHTS), expected, rtol=1e-6)
    assert [float(accuracy.i2t_accuracy), float(accuracy.t2i_accuracy)] == pytest.approx(expected, rel=1e-6)
    assert float(accuracy.sample_count) == pytest.approx(WEIGHTS.sum(), rel=1e-6)
    mean = CLIPAccuracy(3, track_directions=True)
    assert updated(mean, WEIGHTS) == pytest.approx(np.mean(expected), rel=1e-6)
    assert float(mean.t2i_accuracy) == pytest.approx(expected[1], rel=1e-6)


def accuracy_of(logits, k=1):
    accuracy = CLIPAccuracy(k)
    return float(accuracy(None, {"logits_per_image": logits, "logits_per_text": logits.T, "others": 1.0}))


def test_known_values():
    partners = np.eye(N, dtype="float32")
    assert accuracy_of(partners) == 1
    assert accuracy_of(partners[::-1]) == 0
    assert accuracy_of(-partners, k=N - 1) == 0
    assert accuracy_of(-partners, k=N) == 1


def test_random_logits_are_hits_as_often_as_chance_has_it():
    accuracy = CLIPAccuracy(3)
    for pair in values(40, 2, N, N):
        accuracy.update_state(None, list(pair))
    assert float(accuracy.result()) == pytest.approx(3 / N, abs=0.08)


def test_logits_that_say_nothing_are_no_hits():
    for k in (1, 3):
        assert accuracy_of(np.ones((N, N), "float32"), k=k) == pytest.approx(k / N)
    assert accuracy_of(np.full((N, N), np.nan, "float32"), k=N) == 0


def test_what_it_refuses():
    accuracy = CLIPAccuracy(3)
    with pytest.raises(
        ValueError, match=r"`top_k` must be .* Received: top_k=3, y_pred shapes=\[\(2, 2\), \(2, 2\)\]"
    ):
        accuracy.update_state(None, [np.ones((2, 2))] * 2)
    with pytest.raises(ValueError, match=r"Received: y_pred shapes=\[\(2, 3\), \(3, 2\)\]"):
        accuracy.update_state(None, [np.ones((2, 3)), np.ones((3, 2))])
    for name in ("i2t_accuracy", "t2i_accuracy"):
        with pytest.raises(ValueError, match=r"must be tracked\. Received: track_directions=False"):
            getattr(accuracy, name)


def test_a_batch_without_pairs_changes_nothing():
    accuracy = CLIPAccuracy()
    accuracy.update_state(None, [np.eye(N)] * 2)
    accuracy.update_state(None, [np.ones((0, 0))] * 2)
    assert (float(accuracy.result()), float(accuracy.sample_count)) == (1, N)
