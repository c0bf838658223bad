"""The attention blocks of YOLOv12 in Ultralytics' package, channels first, from weights in the layout of PyTorch.

A convolution block is a kernel and a batch normalization. Queries, keys and values come from one block, whose channels
are those of the first head, queries before keys before values, then those of the second head, and so on.
"""

import numpy as np

from tests.oracles.attention import softmax
from tests.oracles.channels_first import batch_norm, convolution


def conv(x, block, *, has_activation=True):
    kernel, norm = block
    y = batch_norm(convolution(x, kernel), norm, 1e-3)
    return y / (1 + np.exp(-y)) if has_activation else y


def area_attention(x, weights, *, num_heads, area):
    batch, dim, height, width = x.shape
    pixels, size = height * width, dim // num_heads
    qkv = conv(x, weights["qkv"], has_activation=False).reshape(batch, num_heads, 3, size, area, pixels // area)
    query, key, value = np.moveaxis(qkv, 2, 0)
    scores = np.einsum("bhdaq,bhdak->bhaqk", query, key) / np.sqrt(size)
    mixed = np.einsum("bhaqk,bhdak->bhdaq", softmax(scores), value).reshape(x.shape)
    perceived = conv(value.reshape(x.shape), weights["pe"], has_activation=False)
    return conv(mixed + perceived, weights["proj"], has_activation=False)


def attention_block(x, weights, *, num_heads, area):
    x = x + area_attention(x, weights, num_heads=num_heads, area=area)
    return x + conv(conv(x, weights["mlp.0"]), weights["mlp.1"], has_activation=False)


def a2c2f(x, weights, *, area):
    """`m` are the attention blocks, two for each piece; the chain has a head for each 32 channels."""
    pieces = [conv(x, weights["cv1"])]
    heads = pieces[0].shape[1] // 32
    for first, second in zip(weights["m"][::2], weights["m"][1::2], strict=True):
        y = attention_block(pieces[-1], first, num_heads=heads, area=area)
        pieces.append(attention_block(y, second, num_heads=heads, area=area))
    y = conv(np.concatenate(pieces, axis=1), weights["cv2"])
    return x + weights["gamma"][:, None, None] * y if "gamma" in weights else y


def draw_attention_block(draw, dim, mlp_ratio, pe_kernel_size):
    hidden = int(dim * mlp_ratio)
    sizes = {"qkv": (3 * dim, dim, 1), "pe": (dim, 1, pe_kernel_size), "proj": (dim, dim, 1)}
    sizes |= {"mlp.0": (hidden, dim, 1), "mlp.1": (dim, hidden, 1)}
    return {name: (draw.kernel(*size), draw.norm(size[0])) for name, size in sizes.items()}
