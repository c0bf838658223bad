"""Attention of LLaMA and its descendants in float64 NumPy, weights in the layouts in which they are published.

A linear layer's weight is `(outputs, inputs)`, as in PyTorch.
"""

import numpy as np

from tests.oracles.attention import attention
from tests.oracles.norms import rms_norm


def rotate_halves(x, theta):
    """Transformers: feature `i` with `i + half`; x is (batch, positions, heads, features)."""
    half = x.shape[-1] // 2
    angles = np.outer(np.arange(x.shape[1]), theta ** (-np.arange(half) / half))[:, None]
    first, second = x[..., :half], x[..., half:]
    return np.concatenate(
        [first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], axis=-1
    )


def rotate_neighbours(x, theta):
    """Meta: neighbours are the real and the imaginary part of a number that is turned."""
    half = x.shape[-1] // 2
    turns = np.exp(1j * np.outer(np.arange(x.shape[1]), theta ** (-np.arange(half) / half)))[:, None]
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * turns
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def llama_attention(x, weights, *, head_dim, rotate, theta, epsilon=1e-6):
    """`weights` by the names of Transformers; causal. Qwen 3 has the norms too."""
    query, key, value = (
        (x @ weights[f"{name}_proj"].T).reshape(*x.shape[:2], -1, head_dim) for name in ("q", "k", "v")
    )
    if "q_norm" in weights:
        query, key = (rms_norm(h, weights[n], epsilon=epsilon) for h, n in ((query, "q_norm"), (key, "k_norm")))
    query, key = rotate(query, theta), rotate(key, theta)
    heads = attention(query, key, value, mask=np.tri(x.shape[1], dtype=bool))
    return heads.reshape(*x.shape[:2], -1) @ weights["o_proj"].T
