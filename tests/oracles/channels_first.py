"""Convolution and normalization in float64, channels first, from weights in the layout of PyTorch.

A kernel is `(filters, channels, height, width)`, a batch normalization gain, offset, mean and variance.
"""

import numpy as np
from scipy.signal import correlate2d


def convolution(x, kernel, stride=1):
    """With zeros on every side. A kernel of one input channel for each filter is depthwise."""
    is_depthwise = kernel.shape[1] == 1 and x.shape[1] == len(kernel) > 1
    height, width = kernel.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (height // 2,) * 2, (width // 2,) * 2))

    def filtered(image, f):
        channels = [f] if is_depthwise else range(x.shape[1])
        inner = zip(channels, kernel[f], strict=True)
        return sum(correlate2d(image[c], plane, mode="valid") for c, plane in inner)

    return np.array([[filtered(image, f) for f in range(len(kernel))] for image in padded])[..., ::stride, ::stride]


def batch_norm(x, norm, epsilon):
    gain, offset, mean, variance = (vector[:, None, None] for vector in norm)
    return (x - mean) / np.sqrt(variance + epsilon) * gain + offset


class Draw:
    """Random weights in these layouts."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def kernel(self, filters, channels, size=1):
        return self.random.normal(scale=(channels * size**2) ** -0.5, size=(filters, channels, size, size))

    def norm(self, width):
        gain, offset, mean = self.random.normal(size=(3, width))
        return gain, offset, mean, self.random.uniform(0.5, 2, width)


def pointwise(kernel):
    """As the kernel of a dense layer."""
    return kernel[..., 0, 0].T


def depthwise(kernel):
    """As the kernel of a depthwise layer, channels last."""
    return kernel.transpose(2, 3, 0, 1)
