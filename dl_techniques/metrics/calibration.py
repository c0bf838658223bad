"""Calibration of predictions as NumPy arrays, such as `predict` returns.

`y_true` holds class numbers, of shape `(examples,)` or `(examples, 1)`, or is one-hot, of shape `(examples, classes)`;
`y_prob` and `logits` have the shape `(examples, classes)`, with two classes or more. For events with probability `p`
the classes are `1 - p` and `p`. What is no probability, or no class, is a `ValueError`.

Bins of equal width divide [0, 1] and hold their upper end, the first its lower end too; edges are rounded to the dtype
of the probabilities. The confidence of an example is its largest probability. Sums are made in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dl_techniques._checks import check_positive, check_positive_int

# Twice what the sum of a distribution can lose in bfloat16.
_TOLERANCE = 2.0**-8

_NEWTON_STEPS = 200
_ACCURACY = 1e-12


def compute_ece(y_true: Any, y_prob: Any, n_bins: int = 15) -> float:
    """Expected calibration error: how far confidence is from accuracy, on average over bins of equal width.

    Formula: `sum_b(n_b abs(accuracy_b - confidence_b)) / n`

    Example:

    >>> compute_ece([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    0.25
    """
    check_positive_int(n_bins=n_bins)
    confidence, hit = _top_label(y_true, y_prob)
    _, hits, confidences = _sums(_bins_of_equal_width(confidence, n_bins), n_bins, hit, confidence)
    return float(np.sum(np.abs(hits - confidences)) / len(hit))


def compute_adaptive_ece(y_true: Any, y_prob: Any, n_bins: int = 15) -> float:
    """Adaptive calibration error: as the expected one, with bins that hold equally many examples.

    As equally as can be: bin `b` ends with the example of rank `ceil(b n / n_bins)`, and examples of the same
    confidence are in one bin, so the order of the examples does not matter. The formula is that of `compute_ece`.

    Example:

    >>> compute_adaptive_ece([0, 1, 0], [[0.75, 0.25], [0.75, 0.25], [1.0, 0.0]], n_bins=2)
    0.16666666666666666
    """
    check_positive_int(n_bins=n_bins)
    confidence, hit = _top_label(y_true, y_prob)
    ranks = -(-np.arange(1, n_bins) * len(confidence) // n_bins)
    bins = np.searchsorted(np.sort(confidence)[ranks - 1], confidence, side="left")
    _, hits, confidences = _sums(bins, n_bins, hit, confidence)
    return float(np.sum(np.abs(hits - confidences)) / len(hit))


def compute_classwise_ece(y_true: Any, y_prob: Any, n_bins: int = 15) -> float:
    """Classwise, or static, calibration error: the expected calibration error of each class, averaged.

    Formula: `mean_k(sum_b(n_kb abs(frequency_kb - confidence_kb)) / n)`, with bins of equal width for the probability
    of class `k`, and how often that class is true in them.

    Example:

    >>> compute_classwise_ece([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    0.25
    """
    check_positive_int(n_bins=n_bins)
    happened, p = _events(y_true, y_prob)
    _, hits, confidences = _sums(_bins_of_classes(p, n_bins), n_bins * p.shape[1], happened, p)
    return float(np.sum(np.abs(hits - confidences)) / p.size)


def compute_mce(y_true: Any, y_prob: Any, n_bins: int = 15) -> float:
    """Maximum calibration error: how far confidence is from accuracy, in the worst bin of equal width.

    Formula: `max_b(abs(accuracy_b - confidence_b))` over the bins that are not empty.

    Example:

    >>> compute_mce([1, 0], [[0.75, 0.25], [1.0, 0.0]])
    0.75
    """
    check_positive_int(n_bins=n_bins)
    confidence, hit = _top_label(y_true, y_prob)
    counts, hits, confidences = _sums(_bins_of_equal_width(confidence, n_bins), n_bins, hit, confidence)
    return float(np.max(np.abs(hits - confidences) / np.maximum(counts, 1)))


def compute_reliability_data(y_true: Any, y_prob: Any, n_bins: int = 15) -> dict[str, np.ndarray]:
    """What a reliability diagram shows, for each bin of equal width.

    Returns `bin_centers`; `bin_accuracies`, 0 where a bin is empty; `bin_confidences`, the mean confidence, or the
    centre where a bin is empty; and `bin_counts`.

    Example:

    >>> data = compute_reliability_data([0, 1], [[0.75, 0.25], [0.75, 0.25]], n_bins=2)
    >>> for name, values in data.items():
    ...     print(name, values)
    bin_centers [0.25 0.75]
    bin_accuracies [0.  0.5]
    bin_confidences [0.25 0.75]
    bin_counts [0 2]
    """
    check_positive_int(n_bins=n_bins)
    confidence, hit = _top_label(y_true, y_prob)
    counts, hits, confidences = _sums(_bins_of_equal_width(confidence, n_bins), n_bins, hit, confidence)
    centers = (np.arange(n_bins) + 0.5) / n_bins
    return {
        "bin_centers": centers,
        "bin_accuracies": hits / np.maximum(counts, 1),
        "bin_confidences": np.where(counts > 0, confidences / np.maximum(counts, 1), centers),
        "bin_counts": counts,
    }


def compute_brier_score(y_true: Any, y_prob: Any) -> float:
    """Brier score of several classes, as Brier defined it: from 0 to 2.

    The sum over the classes; `BrierScoreLoss` and `BrierScoreMetric` take the mean.

    Formula: `mean(sum_k((p_k - y_k)^2))`

    Example:

    >>> compute_brier_score([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    0.625
    """
    happened, p = _events(y_true, y_prob)
    return float(np.sum(np.square(p - happened)) / len(p))


def compute_brier_score_decomposition(y_true: Any, y_prob: Any, n_bins: int = 15) -> dict[str, float]:
    """Murphy's partition of the Brier score: `binned_brier_score = reliability - resolution + uncertainty`.

    It is an identity for forecasts that take few values. So each probability of a class is replaced by the mean of
    its bin of equal width, and `binned_brier_score` is the score of those. It is that of `compute_brier_score` where
    no bin holds two different probabilities.

    Formula, with sums over the classes, and for each over its bins:
    `reliability = sum(n_b / n (confidence_b - frequency_b)^2)`, the less the better;
    `resolution = sum(n_b / n (frequency_b - frequency)^2)`, the more the better;
    `uncertainty = sum(frequency (1 - frequency))`, which is not the forecaster's.

    Example:

    >>> parts = compute_brier_score_decomposition([0, 1, 0, 0], [[0.5, 0.5], [0.5, 0.5], [1.0, 0.0], [0.75, 0.25]])
    >>> for name, value in parts.items():
    ...     print(name, value)
    reliability 0.03125
    resolution 0.125
    uncertainty 0.375
    binned_brier_score 0.28125
    """
    check_positive_int(n_bins=n_bins)
    happened, p = _events(y_true, y_prob)
    bins, classes = _bins_of_classes(p, n_bins), p.shape[1]
    counts, hits, confidences = (x.reshape(classes, n_bins) for x in _sums(bins, n_bins * classes, happened, p))
    share, frequency = counts / len(p), np.mean(happened, axis=0)[:, None]
    forecasts, observed = confidences / np.maximum(counts, 1), hits / np.maximum(counts, 1)
    return {
        "reliability": float(np.sum(share * np.square(forecasts - observed))),
        "resolution": float(np.sum(share * np.square(observed - frequency))),
        "uncertainty": float(np.sum(frequency * (1 - frequency))),
        "binned_brier_score": float(np.sum(np.square(forecasts.ravel()[bins] - happened)) / len(p)),
    }


def fit_temperature(y_true: Any, logits: Any) -> float:
    """Temperature scaling: the one number by which to divide logits so that their probabilities are calibrated.

    It minimizes the negative log-likelihood `mean(logsumexp(logits / T) - logits[y] / T)`, which is convex in `1 / T`,
    by Newton's method in float64, safe by bisection. Fit it on examples that the model was not trained on; the
    accuracy stays as it is. `apply_temperature` uses it.

    A `ValueError` where no positive number is the best: every example is classified right, and T would be 0, or the
    logits tell nothing of the classes, and it would be infinite.

    Example:

    >>> round(fit_temperature([0, 0, 0, 1], [[2.0, 0.0]] * 4), 6)  # The softmax of log(3) is 3/4.
    1.820478

    References:
        Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599
    """
    z = _logits(logits)
    labels = _labels(y_true, z.shape, "logits")
    z = z - np.max(z, axis=1, keepdims=True)
    of_label = z[np.arange(len(z)), labels]

    def derivatives(inverse: float) -> tuple[float, float]:
        p = np.exp(inverse * z)
        p /= np.sum(p, axis=1, keepdims=True)
        mean = np.sum(p * z, axis=1)
        variance = np.sum(p * np.square(z - mean[:, None]), axis=1)
        return float(np.mean(mean - of_label)), float(np.mean(variance))

    if not np.any(of_label < 0):
        raise ValueError(
            "The logits must be wrong for one example at least, or the best temperature is 0. "
            f"Received: {len(z)} examples, all right"
        )
    if derivatives(0.0)[0] >= 0:
        raise ValueError(
            "The logits of the true classes must be above those of all, or the best temperature is infinite. "
            f"Received: a difference of {-derivatives(0.0)[0]} on average"
        )
    low, high = 0.0, float(1 / np.max(-z))
    while derivatives(high)[0] < 0:
        low, high = high, 2 * high
    inverse = (low + high) / 2
    for _ in range(_NEWTON_STEPS):
        slope, curvature = derivatives(inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        step = slope / curvature if curvature > 0 else np.inf
        if min(abs(step), high - low) <= _ACCURACY * inverse:
            break
        inverse = inverse - step if low < inverse - step < high else (low + high) / 2
    return 1 / inverse


def apply_temperature(logits: Any, temperature: float) -> np.ndarray:
    """Probabilities of logits at a temperature, in float32 at least: `softmax(logits / temperature)`.

    Above 1 they are less certain than without, below 1 more. The most probable class stays the same.

    Example:

    >>> print(apply_temperature([[2.0, 0.0]], temperature=2.0).round(4))
    [[0.7311 0.2689]]

    References:
        Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599
    """
    check_positive(temperature=temperature)
    z = _logits(logits)
    p = np.exp((z - np.max(z, axis=1, keepdims=True)) / temperature)
    return (p / np.sum(p, axis=1, keepdims=True)).astype(_wide(np.asarray(logits)).dtype)


def compute_prediction_entropy_stats(y_prob: Any) -> dict[str, float]:
    """Entropy of the predictions in nats, from 0 to `log(classes)`: `mean`, `std`, `median`, `max` and `min`.

    Formula: `-sum_k(p_k log(p_k))` of each example.

    Example:

    >>> stats = compute_prediction_entropy_stats([[0.5, 0.5], [1.0, 0.0]])
    >>> {name: round(value, 4) for name, value in stats.items()}
    {'mean': 0.3466, 'std': 0.3466, 'median': 0.3466, 'max': 0.6931, 'min': 0.0}
    """
    p = _probabilities(y_prob).astype("float64")
    entropy = 0.0 - np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=1)
    statistics: dict[str, Callable] = {
        "mean": np.mean,
        "std": np.std,
        "median": np.median,
        "max": np.max,
        "min": np.min,
    }
    return {name: float(statistic(entropy)) for name, statistic in statistics.items()}


def _top_label(y_true: Any, y_prob: Any) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and whether they hit."""
    p = _probabilities(y_prob)
    labels = _labels(y_true, p.shape, "y_prob")
    return np.max(p, axis=1), np.argmax(p, axis=1) == labels


def _events(y_true: Any, y_prob: Any) -> tuple[np.ndarray, np.ndarray]:
    """For each example and class, whether it is that class, as 1 or 0, and with which probability."""
    p = _probabilities(y_prob)
    labels = _labels(y_true, p.shape, "y_prob")
    return (labels[:, None] == np.arange(p.shape[1])).astype("float64"), p


def _bins_of_equal_width(p: np.ndarray, n_bins: int) -> np.ndarray:
    edges = (np.arange(1, n_bins) / n_bins).astype(p.dtype)
    return np.searchsorted(edges, p, side="left")


def _bins_of_classes(p: np.ndarray, n_bins: int) -> np.ndarray:
    """Numbers of bins, those of each class after those of the class before."""
    return _bins_of_equal_width(p, n_bins) + n_bins * np.arange(p.shape[1])


def _sums(bins: np.ndarray, length: int, *values: np.ndarray) -> tuple[np.ndarray, ...]:
    """For each bin how many there are in it, and the sums of values."""
    flat = bins.ravel()
    sums = (np.bincount(flat, weights=value.ravel(), minlength=length) for value in values)
    return np.bincount(flat, minlength=length), *sums


def _wide(x: np.ndarray) -> np.ndarray:
    """In float32 at least."""
    return x.astype(np.result_type(x.dtype, np.float32), copy=False)


def _probabilities(y_prob: Any) -> np.ndarray:
    p = _wide(np.asarray(y_prob))
    _check_matrix(y_prob=p)
    sums = np.sum(p, axis=1, dtype="float64")
    if not (np.all(p >= 0) and np.all(np.abs(sums - 1) <= _TOLERANCE)):
        raise ValueError(
            "`y_prob` must hold probabilities, in [0, 1] and adding up to one over the classes; of logits, take the "
            f"softmax first. Received: values from {p.min()} to {p.max()}, sums from {sums.min()} to {sums.max()}"
        )
    return p


def _logits(logits: Any) -> np.ndarray:
    z = np.asarray(logits).astype("float64")
    _check_matrix(logits=z)
    if not np.all(np.isfinite(z)):
        raise ValueError(f"`logits` must be finite. Received: {np.sum(~np.isfinite(z))} values of {z.size} are not")
    return z


def _check_matrix(**matrix: np.ndarray) -> None:
    ((name, values),) = matrix.items()
    if values.ndim != 2 or values.shape[0] < 1 or values.shape[1] < 2:
        raise ValueError(
            f"`{name}` must have the shape (examples, classes), with one example and two classes at least. "
            f"Received: {name} shape={values.shape}"
        )


def _labels(y_true: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Class numbers, for predictions of that shape and name."""
    y, (examples, classes) = np.asarray(y_true), shape
    if y.shape == shape:
        if not (np.all((y == 0) | (y == 1)) and np.all(np.sum(y, axis=1) == 1)):
            raise ValueError(
                "A `y_true` of the shape of the predictions must be one-hot. "
                f"Received: y_true from {y.min()} to {y.max()}, with sums from {y.sum(1).min()} to {y.sum(1).max()}"
            )
        return np.argmax(y, axis=1)
    if y.shape not in ((examples,), (examples, 1)):
        raise ValueError(
            f"`y_true` must hold one class number for each example, or be one-hot. "
            f"Received: y_true shape={y.shape}, {name} shape={shape}"
        )
    if not np.all((y >= 0) & (y < classes) & (y == np.floor(y))):
        raise ValueError(
            f"`y_true` must hold class numbers, integers from 0 to {classes - 1}. "
            f"Received: y_true from {y.min()} to {y.max()}, of {y.dtype}"
        )
    return y.reshape(examples).astype("int64")
