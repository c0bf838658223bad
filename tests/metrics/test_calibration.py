from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from dl_techniques import metrics
from tests.oracles.calibration import (
    bins,
    calibration_error,
    classwise_error,
    drawn_classes,
    maximum_error,
    top_label,
)

LABELS, P = drawn_classes(500, 4)
ONE_HOT = np.eye(4)[LABELS]
CONFIDENCE, HIT = top_label(LABELS, P)
BINNED = (
    metrics.compute_ece,
    metrics.compute_adaptive_ece,
    metrics.compute_classwise_ece,
    metrics.compute_mce,
)
OF_PROBABILITIES = (
    *BINNED,
    metrics.compute_reliability_data,
    metrics.compute_brier_score,
    metrics.compute_brier_score_decomposition,
)


@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_errors_of_bins_of_equal_width(n_bins):
    assert metrics.compute_ece(LABELS, P, n_bins) == pytest.approx(calibration_error(CONFIDENCE, HIT, n_bins))
    assert metrics.compute_mce(LABELS, P, n_bins) == pytest.approx(maximum_error(CONFIDENCE, HIT, n_bins))
    assert metrics.compute_classwise_ece(LABELS, P, n_bins) == pytest.approx(classwise_error(LABELS, P, n_bins))
    assert metrics.compute_ece(LABELS, P, n_bins) <= metrics.compute_mce(LABELS, P, n_bins) + 1e-12


def test_one_bin():
    expected = pytest.approx(abs(CONFIDENCE.mean() - HIT.mean()))
    for error in (metrics.compute_ece, metrics.compute_adaptive_ece, metrics.compute_mce):
        assert error(LABELS, P, n_bins=1) == expected


def test_reliability_is_scikit_learns():
    data = metrics.compute_reliability_data(LABELS, P, n_bins=10)
    accuracies, confidences = calibration_curve(HIT, CONFIDENCE, n_bins=10)
    filled = data["bin_counts"] > 0
    assert not np.all(filled)
    np.testing.assert_allclose(data["bin_accuracies"][filled], accuracies, rtol=1e-12)
    np.testing.assert_allclose(data["bin_confidences"][filled], confidences, rtol=1e-12)
    np.testing.assert_array_equal(data["bin_counts"][filled], [n for n, _, _ in bins(CONFIDENCE, HIT, 10)])
    np.testing.assert_allclose(data["bin_centers"], np.linspace(0.05, 0.95, 10))
    np.testing.assert_array_equal(data["bin_confidences"][~filled], data["bin_centers"][~filled])
    np.testing.assert_array_equal(data["bin_accuracies"][~filled], 0)


def test_adaptive_bins_are_scikit_learns_quantiles():
    accuracies, confidences = calibration_curve(HIT, CONFIDENCE, n_bins=10, strategy="quantile")
    assert metrics.compute_adaptive_ece(LABELS, P, 10) == pytest.approx(np.mean(np.abs(accuracies - confidences)))


@pytest.mark.parametrize(("examples", "n_bins"), [(500, 15), (11, 4), (3, 15)])
def test_adaptive_bins_leave_nobody_out(examples, n_bins):
    order = np.argsort(CONFIDENCE[:examples])
    ends = [-(-b * examples // n_bins) for b in range(n_bins + 1)]
    parts = [order[low:high] for low, high in pairwise(ends) if high > low]
    assert sum(map(len, parts)) == examples
    gaps = [len(part) * abs(HIT[part].mean() - CONFIDENCE[part].mean()) for part in parts]
    found = metrics.compute_adaptive_ece(LABELS[:examples], P[:examples], n_bins)
    assert found == pytest.approx(sum(gaps) / examples)


@pytest.mark.parametrize("error", BINNED)
def test_constant_confidence(error):
    """The gap between it and the accuracy, in whatever order the examples come."""
    p = np.tile([0.75, 0.25], (10, 1))
    for y in ([0] * 5 + [1] * 5, [1] * 5 + [0] * 5):
        assert error(y, p) == pytest.approx(0.25)


@pytest.mark.parametrize("error", BINNED)
def test_certain_and_right(error):
    assert error(LABELS, ONE_HOT) == 0
    assert error(ONE_HOT, ONE_HOT.astype("int64")) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_bin_holds_its_upper_end(dtype):
    """In the precision of the probabilities, so that 0.7 is as much the end of a bin in float32."""
    confidence = (np.arange(5, 11) / 10).astype(dtype)
    data = metrics.compute_reliability_data([0] * 6, np.stack([confidence, 1 - confidence], axis=1), n_bins=10)
    np.testing.assert_array_equal(data["bin_counts"], [0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
    assert metrics.compute_classwise_ece([0], np.array([[1, 0]], dtype), n_bins=2) == 0


@pytest.mark.parametrize("function", OF_PROBABILITIES)
def test_labels_are_one_hot_targets(function):
    expected = function(LABELS, P)
    for y_true in (ONE_HOT, LABELS[:, None], LABELS.tolist(), LABELS.astype("float32"), ONE_HOT.astype("bool")):
        np.testing.assert_equal(function(y_true, P), expected)


def test_brier_score():
    exact = P.astype("float64")
    expected = np.sum(np.square(exact - ONE_HOT)) / len(P)
    assert metrics.compute_brier_score(LABELS, P) == pytest.approx(expected, rel=1e-12)
    exact /= exact.sum(axis=1, keepdims=True)
    expected = brier_score_loss(LABELS, exact, scale_by_half=False)
    assert metrics.compute_brier_score(LABELS, exact) == pytest.approx(expected, rel=1e-12)
    assert metrics.compute_brier_score(LABELS, ONE_HOT) == 0
    assert metrics.compute_brier_score([1], [[1.0, 0.0]]) == 2


@pytest.mark.parametrize("n_bins", [1, 3, 15])
def test_murphys_partition(n_bins):
    parts = metrics.compute_brier_score_decomposition(LABELS, P, n_bins)
    assert parts["binned_brier_score"] == pytest.approx(
        parts["reliability"] - parts["resolution"] + parts["uncertainty"], rel=1e-12
    )
    frequency = ONE_HOT.mean(axis=0)
    assert parts["uncertainty"] == pytest.approx(np.sum(frequency * (1 - frequency)))
    terms = [
        (n / 500 * (c - a) ** 2, n / 500 * (a - frequency[k]) ** 2)
        for k in range(4)
        for n, a, c in bins(P[:, k].astype("float64"), ONE_HOT[:, k], n_bins)
    ]
    assert (parts["reliability"], parts["resolution"]) == pytest.approx(tuple(np.sum(terms, axis=0)), rel=1e-9)


def test_murphys_partition_of_few_forecasts_is_that_of_the_brier_score():
    p = np.random.default_rng(0).choice([0.1, 0.3, 0.55, 0.95], 500)
    p = np.stack([p, 1 - p], axis=1)
    parts = metrics.compute_brier_score_decomposition(LABELS % 2, p, n_bins=10)
    assert parts["binned_brier_score"] == pytest.approx(metrics.compute_brier_score(LABELS % 2, p), rel=1e-12)
    parts = metrics.compute_brier_score_decomposition(LABELS, ONE_HOT)
    assert (parts["reliability"], parts["binned_brier_score"]) == (0, 0)
    assert parts["resolution"] == pytest.approx(parts["uncertainty"])


def likelihood(inverse, labels, logits):
    """Its negative logarithm."""
    return -np.mean(log_softmax(inverse * np.float64(logits), axis=1)[np.arange(len(labels)), labels])


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
def test_temperature_is_scipys(scale):
    logits = scale * np.log(P.astype("float64"))
    found = metrics.fit_temperature(LABELS, logits)
    best = minimize_scalar(
        likelihood, args=(LABELS, logits), bracket=(0.5 / found, 2 / found), options={"xtol": 1e-10}
    )
    assert found == pytest.approx(1 / best.x, rel=1e-5)
    steps = [likelihood(factor / found, LABELS, logits) for factor in (1 - 1e-4, 1, 1 + 1e-4)]
    assert steps[1] < min(steps[0], steps[2])
    assert metrics.fit_temperature(ONE_HOT, logits + 100) == pytest.approx(found, rel=1e-9)


def test_temperature_calibrates():
    """The predictions were drawn twice too certain."""
    temperature = metrics.fit_temperature(LABELS, np.log(P))
    assert temperature == pytest.approx(2, rel=0.15)
    cooled = metrics.apply_temperature(np.log(P), temperature)
    np.testing.assert_array_equal(cooled.argmax(axis=1), P.argmax(axis=1))
    assert metrics.compute_ece(LABELS, cooled) < 0.5 * metrics.compute_ece(LABELS, P)
    assert metrics.fit_temperature(LABELS, np.log(cooled)) == pytest.approx(1, rel=1e-5)


def test_temperature_of_nearly_separable_logits():
    """Where the slope is flat far from its root, and Newton's method alone would leave."""
    logits = np.array([[10.0, 0.0]] * 999 + [[0.0, 1e-3]])
    found = metrics.fit_temperature([0] * 1000, logits)
    best = minimize_scalar(
        likelihood, args=([0] * 1000, logits), bracket=(0.5 / found, 2 / found), options={"xtol": 1e-10}
    )
    assert found == pytest.approx(1 / best.x, rel=1e-5)
    assert metrics.fit_temperature([0, 0, 0, 1], [[np.log(3), 0.0]] * 4) == pytest.approx(1, rel=1e-12)


def test_apply_temperature():
    logits = np.float32(np.log(P))
    np.testing.assert_allclose(metrics.apply_temperature(logits, 0.5), softmax(2 * logits, axis=1), rtol=1e-6)
    np.testing.assert_allclose(metrics.apply_temperature(logits, 1.0), P, rtol=1e-6)
    np.testing.assert_allclose(metrics.apply_temperature(1e4 * logits, 1e-4), np.eye(4)[P.argmax(axis=1)])
    assert metrics.apply_temperature(logits.astype("float16"), 1.0).dtype == "float32"
    assert metrics.apply_temperature(logits.astype("float64"), 1.0).dtype == "float64"


def test_entropy():
    stats, expected = metrics.compute_prediction_entropy_stats(P), entropy(P.astype("float64"), axis=1)
    for name in ("mean", "std", "median", "max", "min"):
        assert stats[name] == pytest.approx(getattr(np, name)(expected), rel=1e-6)
    assert metrics.compute_prediction_entropy_stats(np.full((3, 7), 1 / 7))["mean"] == pytest.approx(np.log(7))
    assert set(map(str, metrics.compute_prediction_entropy_stats(ONE_HOT).values())) == {"0.0"}


def test_probabilities_of_low_precision_are_taken():
    p = P.astype("float16")
    assert metrics.compute_ece(LABELS, p) == pytest.approx(metrics.compute_ece(LABELS, P), abs=1e-3)


BAD = [
    (([0, 1], [[2.0, -1.0], [0.5, 0.5]]), r"take the softmax first. Received: values from -1.0 to 2.0"),
    (([0, 1], [[0.9, 0.9], [0.5, 0.5]]), r"adding up to one .*sums from 1.0 to 1.8"),
    (([0, 1], [[0.5, np.nan], [0.5, 0.5]]), r"must hold probabilities.* Received: values from nan"),
    (([0, 2], [[0.5, 0.5]] * 2), r"integers from 0 to 1. Received: y_true from 0 to 2"),
    (([0, -1], [[0.5, 0.5]] * 2), r"integers from 0 to 1. Received: y_true from -1 to 0"),
    (([0, 0.5], [[0.5, 0.5]] * 2), r"integers from 0 to 1. Received: y_true from 0.0 to 0.5, of float64"),
    (([0, 1, 1], [[0.5, 0.5]] * 2), r"Received: y_true shape=\(3,\), y_prob shape=\(2, 2\)"),
    (([[0, 0], [1, 0]], [[0.5, 0.5]] * 2), r"must be one-hot. Received: y_true from 0 to 1, with sums from 0 to 1"),
    (([[0.2, 0.8], [1, 0]], [[0.5, 0.5]] * 2), r"must be one-hot. Received: y_true from 0.0 to 1.0, with sums from 1"),
    (([], np.ones((0, 2))), r"`y_prob` must have the shape .* Received: y_prob shape=\(0, 2\)"),
    (([0, 1], [0.5, 0.5]), r"Received: y_prob shape=\(2,\)"),
    (([0, 1], [[1.0], [1.0]]), r"Received: y_prob shape=\(2, 1\)"),
]


@pytest.mark.parametrize("function", OF_PROBABILITIES)
def test_bad_input(function):
    for arguments, text in BAD:
        with pytest.raises(ValueError, match=text):
            function(*arguments)


def test_bad_input_of_the_others():
    for n_bins in (0, 2.5):
        for function in (*BINNED, metrics.compute_reliability_data, metrics.compute_brier_score_decomposition):
            with pytest.raises(ValueError, match=rf"`n_bins` must be an integer >= 1. Received: n_bins={n_bins}"):
                function(LABELS, P, n_bins=n_bins)
    with pytest.raises(ValueError, match=r"take the softmax first. Received: values from 0.0 to 2.0"):
        metrics.compute_prediction_entropy_stats([[2.0, 0.0]])
    with pytest.raises(ValueError, match=r"`temperature` must be a number > 0. Received: temperature=0"):
        metrics.apply_temperature(P, 0)
    for function in (lambda z: metrics.fit_temperature([0] * len(z), z), lambda z: metrics.apply_temperature(z, 1.0)):
        with pytest.raises(ValueError, match=r"`logits` must be finite. Received: 1 values of 2 are not"):
            function([[np.inf, 0.0]])
        with pytest.raises(ValueError, match=r"Received: logits shape=\(0, 2\)"):
            function(np.zeros((0, 2)))


def test_logits_that_no_temperature_helps():
    with pytest.raises(ValueError, match=r"the best temperature is 0. Received: 2 examples, all right"):
        metrics.fit_temperature([0, 1], [[1.0, 0.0], [2.0, 2.0]])
    for y_true in ([1, 1], [0, 1]):
        with pytest.raises(ValueError, match=r"the best temperature is infinite. Received: a difference of -?\d"):
            metrics.fit_temperature(y_true, [[1.0, 0.0], [1.0, 0.0]])
    with pytest.raises(ValueError, match=r"Received: y_true shape=\(3,\), logits shape=\(2, 2\)"):
        metrics.fit_temperature([0, 1, 1], [[1.0, 0.0]] * 2)
