import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import log_softmax, softmax
from scipy.stats import entropy

from dl_techniques.losses import GoodhartAwareLoss, analyze_goodhart_loss_components
from tests.oracles.compare import assert_accurate, assert_same_function, values

B, K = 6, 4
LOGITS = 2 * values(B, K)
LABELS = np.eye(K, dtype="float32")[[0, 1, 2, 3, 0, 2]]
OWN = {"label_smoothing": 0.1, "entropy_weight": 0.3, "mi_weight": 0.05}


def terms(logits, labels=LABELS, smoothing=0.0):
    """Means over the batch: cross entropy, entropy, and the mutual information as the difference of two entropies."""
    p = softmax(logits, axis=-1)
    target = (1 - smoothing) * labels + smoothing / labels.shape[-1]
    cross_entropy = -np.sum(target * log_softmax(logits, axis=-1), axis=-1).mean()
    doubt = entropy(p, axis=-1).mean()
    return cross_entropy, doubt, entropy(p.mean(axis=0)) - doubt


def goodhart(logits, *, label_smoothing, entropy_weight, mi_weight):
    cross_entropy, doubt, information = terms(logits, smoothing=label_smoothing)
    return cross_entropy - entropy_weight * doubt + mi_weight * max(0, information)


def found(y_pred, labels=LABELS, **arguments):
    loss = GoodhartAwareLoss(**arguments)
    return ops.convert_to_numpy(loss(ops.convert_to_tensor(labels), ops.convert_to_tensor(y_pred)))


def test_formula():
    exact = LOGITS.astype("float64")
    assert_accurate(found(LOGITS), goodhart(exact, label_smoothing=0.0, entropy_weight=0.1, mi_weight=0.01))
    assert_accurate(found(LOGITS, **OWN), goodhart(exact, **OWN))
    probabilities = softmax(exact, axis=-1).astype("float32")
    assert_accurate(found(probabilities, from_logits=False, **OWN), goodhart(exact, **OWN))


def test_gradient():
    loss = GoodhartAwareLoss(**OWN)
    layer = keras.layers.Lambda(lambda x: ops.mean(loss.call(ops.convert_to_tensor(LABELS), x)))
    assert_same_function(layer, lambda x: goodhart(x, **OWN), LOGITS)


@pytest.mark.parametrize("from_logits", [True, False])
def test_without_weights_it_is_cross_entropy(from_logits):
    y_pred = LOGITS if from_logits else softmax(LOGITS, axis=-1)
    options = {"label_smoothing": 0.2, "from_logits": from_logits, "reduction": "none"}
    expected = keras.losses.CategoricalCrossentropy(**options)(LABELS, y_pred)
    losses = found(y_pred, entropy_weight=0.0, mi_weight=0.0, **options)
    np.testing.assert_allclose(losses, ops.convert_to_numpy(expected), rtol=1e-5)


def test_sample_weights_are_those_of_the_examples():
    weights = np.arange(B, dtype="float32")
    per_example = found(LOGITS, reduction="none", **OWN)
    weighted = GoodhartAwareLoss(**OWN)(LABELS, LOGITS, sample_weight=weights)
    np.testing.assert_allclose(ops.convert_to_numpy(weighted), np.mean(weights * per_example), rtol=1e-6)


def parts(logits, labels=LABELS, **arguments):
    return analyze_goodhart_loss_components(GoodhartAwareLoss(**arguments), labels, ops.convert_to_tensor(logits))


def test_known_values():
    ten = np.eye(10, dtype="float32")
    uniform = np.zeros((10, 10), "float32")
    assert found(uniform, ten) == pytest.approx(2.072327, abs=1e-6)
    of_uniform = parts(uniform, ten)
    assert of_uniform["cross_entropy"] == pytest.approx(2.302585, abs=1e-6)
    assert of_uniform["entropy"] == pytest.approx(2.302585, abs=1e-6)
    assert of_uniform["mutual_information"] == pytest.approx(0, abs=1e-6)
    # Sure of one class each, and of each class as often: inputs tell all about classes.
    of_sure = parts(100 * ten, ten)
    assert of_sure["mutual_information"] == pytest.approx(np.log(10), abs=1e-6)
    assert (of_sure["cross_entropy"], of_sure["entropy"]) == pytest.approx((0, 0), abs=1e-6)
    # Predictions that are all alike say nothing of their inputs.
    assert parts(LOGITS[[0] * B])["mutual_information"] == pytest.approx(0, abs=1e-6)


def test_analysis():
    exact = terms(LOGITS.astype("float64"), smoothing=0.1)
    weighted = np.array([1, -0.3, 0.05]) * exact
    names = ("cross_entropy", "entropy", "mutual_information")
    shares = 100 * np.abs(weighted) / np.abs(weighted).sum()
    expected = {
        "total_loss": weighted.sum(),
        **dict(zip(names, exact, strict=True)),
        "entropy_weight": 0.3,
        "mi_weight": 0.05,
        **{f"{name}_percent": share for name, share in zip(names, shares, strict=True)},
    }
    assert parts(LOGITS, **OWN) == pytest.approx(expected, rel=2e-6)
    nothing = parts(LOGITS[:0], LABELS[:0])
    assert nothing == {**dict.fromkeys(nothing, 0.0), "entropy_weight": 0.1, "mi_weight": 0.01}


def test_predictions_far_outside_are_no_nan():
    sure = np.where(LABELS > 0, 1e30, -1e30).astype("float32")
    np.testing.assert_array_equal(found(sure, entropy_weight=0.0, mi_weight=0.0, reduction="none"), 0)
    wrong = found(-sure, reduction="none")
    np.testing.assert_allclose(wrong, 2e30, rtol=1e-5)
    # Logits taken for probabilities: those above 1 count as 1, those below epsilon as epsilon.
    outside = found(
        np.float32([[1e30, -1e30, 0, 1]] * B), from_logits=False, epsilon=1e-4, reduction="none", mi_weight=0
    )
    clipped = np.array([1, 1e-4, 1e-4, 1])
    expected = -LABELS @ np.log(clipped) + 0.1 * np.sum(clipped * np.log(clipped))
    np.testing.assert_allclose(outside, expected, rtol=1e-5, atol=1e-7)


def test_weights_that_outweigh_the_cross_entropy_are_warned_of():
    with pytest.warns(UserWarning, match=r"Above 1 .* Received: entropy_weight=1\.5"):
        GoodhartAwareLoss(entropy_weight=1.5)
    with pytest.warns(UserWarning, match=r"Above 0\.1 .* Received: mi_weight=0\.2"):
        GoodhartAwareLoss(mi_weight=0.2)
