"""The normalizations as their papers write them, in float64."""

import numpy as np


def rms_norm(x, scale=1.0, *, axis=-1, epsilon):
    """Zhang and Sennrich, arXiv:1910.07467, equation 4; `scale` broadcasts against `x`."""
    return scale * x / np.sqrt(np.mean(x**2, axis=axis, keepdims=True) + epsilon)


def band_rms(x, band, *, max_band_width, axis=-1, epsilon):
    gate = (1 - max_band_width) + max_band_width / (1 + np.exp(-4 * band))
    return rms_norm(x, gate, axis=axis, epsilon=epsilon)


def global_response_norm(x, gamma, beta, *, epsilon):
    """Woo et al., arXiv:2301.00808, algorithm 1."""
    norm = np.sqrt(np.sum(x**2, axis=(1, 2), keepdims=True))
    response = norm / (np.mean(norm, axis=-1, keepdims=True) + epsilon)
    return gamma * (x * response) + beta + x


def dynamic_tanh(x, alpha, kernel, bias):
    """Zhu et al., arXiv:2503.10622, equation 2; `kernel` and `bias` broadcast against `x`."""
    return kernel * np.tanh(alpha * x) + bias


def logit_norm(x, *, temperature, axis=-1, epsilon=0.0):
    """Wei et al., arXiv:2205.09310, equation 5, with a floor for the length instead of an addend."""
    return x / (temperature * np.maximum(_length(x, axis), np.sqrt(epsilon)))


def band_logit_norm(x, gamma, beta, *, max_band_width, axis=-1, epsilon=0.0):
    length = np.maximum(_length(x, axis), np.sqrt(epsilon))
    place = (np.tanh(gamma * np.log(length) + beta) + 1) / 2
    return x / length * (1 - max_band_width + max_band_width * place)


def decoupled_max_logit(x, *, constant, axis=-1, epsilon=0.0):
    """Score, cosine and length, as Zhang and Xiang combine them, of the logits themselves."""
    length = np.sqrt(np.sum(x**2, axis=axis) + epsilon)
    cosine = np.max(x, axis=axis) / length
    return constant * cosine + length, cosine, length


def _length(x, axis):
    return np.sqrt(np.sum(x**2, axis=axis, keepdims=True))
