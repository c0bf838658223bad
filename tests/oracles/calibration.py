"""Calibration from the papers, in float64 and bin by bin."""

import numpy as np
from scipy.special import expit

# The forecasts that fact sheets work through.
EVENTS = np.float32([1, 0, 1, 1])
FORECASTS = np.float32([0.8, 0.3, 0.6, 0.9])


def drawn_forecasts(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Events, and probabilities that are calibrated."""
    random = np.random.default_rng(seed)
    p = random.uniform(0.05, 0.95, size).astype("float32")
    return (random.uniform(size=size) < p).astype("float32"), p


def drawn_classes(examples: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that are too certain."""
    random = np.random.default_rng(seed)
    scores = random.standard_normal((examples, classes))
    labels = np.argmax(scores + random.gumbel(size=scores.shape), axis=1)
    p = np.exp(2 * scores)
    return labels, (p / p.sum(axis=1, keepdims=True)).astype("float32")


def z_statistic(y, p, statistic: str = "spiegelhalter", weights=1.0) -> float:
    """As it is defined: the deviation of a statistic from what the forecasts expect of it, and its variance."""
    slope = 1 - 2 * p if statistic == "spiegelhalter" else np.ones_like(p)
    return np.sum(weights * (y - p) * slope) / np.sqrt(np.sum(weights * slope**2 * p * (1 - p)))


def z_of_logits(y, x, statistic: str = "spiegelhalter") -> float:
    p, rest = expit(x), expit(-x)
    slope = rest - p if statistic == "spiegelhalter" else np.ones_like(p)
    return np.sum(np.where(y == 1, rest, -p) * slope) / np.sqrt(np.sum(slope**2 * p * rest))


def bins(confidence, hit, n_bins: int, weights=None) -> list[tuple[float, float, float]]:
    """Weight, accuracy and mean confidence of each bin that is not empty."""
    weights = np.ones(len(confidence)) if weights is None else weights
    found = []
    for index in range(n_bins):
        low, high = index / n_bins, (index + 1) / n_bins
        inside = (confidence > low if index else confidence >= 0) & (confidence <= high)
        total = np.sum(weights[inside])
        if total:
            means = (np.sum((weights * x)[inside]) / total for x in (hit, confidence))
            found.append((total, *means))
    return found


def calibration_error(confidence, hit, n_bins: int, weights=None) -> float:
    found = bins(confidence, hit, n_bins, weights)
    return sum(n * abs(a - c) for n, a, c in found) / sum(n for n, _, _ in found)


def maximum_error(confidence, hit, n_bins: int, weights=None) -> float:
    return max(abs(a - c) for _, a, c in bins(confidence, hit, n_bins, weights))


def top_label(labels, p) -> tuple[np.ndarray, np.ndarray]:
    p = np.asarray(p, "float64")
    return p.max(axis=1), (p.argmax(axis=1) == labels).astype("float64")


def classwise_error(labels, p, n_bins: int, weights=None) -> float:
    p = np.asarray(p, "float64")
    return np.mean([calibration_error(p[:, k], labels == k, n_bins, weights) for k in range(p.shape[1])])
