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
