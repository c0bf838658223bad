"""The blocks of MobileNetV4 in float64, channels first, from weights in the layout of PyTorch.

A kernel is `(filters, channels, height, width)`, a batch normalization gain, offset, mean and variance. Convolutions
are SciPy's, with zeros on every side.
"""

import numpy as np
from scipy.signal import correlate2d

from tests.oracles.attention import softmax


def convolution(x, kernel, stride=1):
    """A kernel of one input channel for each filter is depthwise."""
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


def universal_inverted_bottleneck(x, weights, *, stride, epsilon=1e-5):
    """`weights` are pairs of kernel and norm by timm's names, and "layer_scale"."""

    def conv_norm(y, name, stride=1):
        kernel, norm = weights[name]
        return batch_norm(convolution(y, kernel, stride), norm, epsilon)

    y = x
    if "dw_start" in weights:
        y = conv_norm(y, "dw_start", 1 if "dw_mid" in weights else stride)
    y = np.maximum(conv_norm(y, "pw_exp"), 0)
    if "dw_mid" in weights:
        y = np.maximum(conv_norm(y, "dw_mid", stride), 0)
    y = conv_norm(y, "pw_proj")
    if "layer_scale" in weights:
        y = weights["layer_scale"][:, None, None] * y
    return x + y if y.shape == x.shape else y


def mobile_attention(x, weights, *, num_heads, stride, epsilon=1e-5):
    """The whole block: norm, multi-query attention, layer scale and residual. Kernels by timm's names."""
    normalized = batch_norm(x, weights["norm"], epsilon)

    def seen(name):
        y = normalized
        if stride > 1:
            y = batch_norm(convolution(y, weights[f"{name}.down_conv"], stride), weights[f"{name}.norm"], epsilon)
        return np.einsum("bchw,kc->bkhw", y, weights[f"{name}.proj"][..., 0, 0]).reshape(len(x), -1, y[0, 0].size)

    query = np.einsum("bchw,kc->bkhw", normalized, weights["query.proj"][..., 0, 0])
    query = query.reshape(len(x), num_heads, -1, x[0, 0].size)
    key, value = seen("key"), seen("value")
    scores = np.einsum("bhdq,bdk->bhqk", query, key) / np.sqrt(key.shape[1])
    heads = np.einsum("bhqk,bdk->bhdq", softmax(scores), value).reshape(len(x), -1, *x.shape[2:])
    y = np.einsum("bchw,dc->bdhw", heads, weights["output.proj"][..., 0, 0])
    return x + weights["layer_scale"][:, None, None] * y


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
