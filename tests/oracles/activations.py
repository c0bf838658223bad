"""The activations as their papers write them, in float64."""

import numpy as np
from scipy.special import erf
from scipy.stats import entropy


def softmax(x):
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def mish(x):
    """Misra, arXiv:1908.08681, equation 1."""
    return x * np.tanh(np.log1p(np.exp(x)))


def saturated_mish(x, *, alpha, beta):
    weight = sigmoid((x - alpha) / beta)
    return mish(x) * (1 - weight) + mish(alpha) * weight


def gaussian_gate(x):
    return 0.5 * (1 + erf(x / np.sqrt(2)))


def arctangent_gate(x):
    return (np.arctan(x) + np.pi / 2) / np.pi


def expanded(gate):
    """Huang, arXiv:2405.20768, section 3: the range of the gate becomes [-alpha, 1 + alpha]."""
    return lambda x, alpha: x * (gate(x) * (1 + 2 * alpha) - alpha)


def adaptive_softmax(
    x, *, min_temp=0.1, max_temp=1.0, threshold=0.5, coefficients=(-0.037, 0.481, -2.3, 4.917, -1.791)
):
    """Velickovic et al., arXiv:2410.01104, figure 7, the sharpness limited by the two temperatures."""
    y = np.empty_like(x)
    for row in np.ndindex(x.shape[:-1]):
        disorder = entropy(softmax(x[row]))
        temperature = 1.0
        if disorder > threshold:
            sharpness = max(np.polyval(coefficients, disorder), 1.0)
            temperature = min(max(1 / sharpness, min_temp), max_temp)
        y[row] = softmax(x[row] / temperature)
    return y
