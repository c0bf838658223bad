"""The penalties in float64, as their papers write them."""

import numpy as np
from scipy.special import softmax
from scipy.stats import entropy


def binary_preference(w, *, multiplier=1.0, scale=1.0):
    """A fourth-degree well: 1 in the middle, 0 half a unit from it."""
    return multiplier * np.mean((1 - (scale * w - 0.5) ** 2 / 0.25) ** 2)


def tri_state_preference(w, *, multiplier=1.0, scale=1.0):
    """The polynomial of degree six with double roots at -1, 0 and 1, and 1 at a half."""
    x = scale * w
    roots = np.poly1d([-1.0, -1.0, 0.0, 0.0, 1.0, 1.0], r=True)
    return multiplier * np.mean(roots(x) / roots(0.5))


def entropy_penalty(w, *, strength, target, axis=-1):
    spread = entropy(softmax(np.abs(w), axis=axis), axis=axis) / np.log(w.shape[axis])
    return strength * np.mean((spread - target) ** 2)


def columns(kernel):
    return kernel.reshape(-1, kernel.shape[-1])


def soft_orthogonal(kernel, *, strength, l1=0.0, l2=0.0):
    """Bansal et al., arXiv:1810.09102, of the pairs of different columns."""
    w = columns(kernel)
    pairs = [(w[:, i] @ w[:, j]) ** 2 for i in range(w.shape[1]) for j in range(w.shape[1]) if i != j]
    return strength * np.sum(pairs) + l1 * np.sum(np.abs(w)) + l2 * np.sum(w**2)


def soft_orthonormal(kernel, *, strength, l1=0.0, l2=0.0):
    """Bansal et al., arXiv:1810.09102, equation 3."""
    w = columns(kernel)
    distance = np.linalg.norm(w.T @ w - np.eye(w.shape[1]), "fro") ** 2
    return strength * distance + l1 * np.sum(np.abs(w)) + l2 * np.sum(w**2)


def spectral_deviation(kernel):
    """Bansal et al., arXiv:1810.09102, section 3.3: the largest singular value."""
    w = columns(kernel)
    return np.linalg.norm(w.T @ w - np.eye(w.shape[1]), 2)
