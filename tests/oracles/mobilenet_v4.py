"""The blocks of MobileNetV4, channels first, from weights in the layout of PyTorch."""

import numpy as np

from tests.oracles.attention import softmax
from tests.oracles.channels_first import batch_norm, convolution


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
