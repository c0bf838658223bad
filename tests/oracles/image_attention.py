"""Attention to channels and pixels of images, in float64 NumPy, channels last, written from the papers."""

import numpy as np

from tests.oracles.attention import attention


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def channel_attention(x, reduce, expand, reduce_bias=0.0, expand_bias=0.0):
    x = np.asarray(x, np.float64)
    scores = 0.0
    for summary in (x.mean(axis=(1, 2)), x.max(axis=(1, 2))):
        scores = scores + np.maximum(summary @ reduce + reduce_bias, 0) @ expand + expand_bias
    return sigmoid(scores)[:, None, None]


def spatial_attention(x, kernel, bias=0.0):
    x = np.asarray(x, np.float64)
    size = len(kernel)
    summaries = np.stack([x.mean(axis=-1), x.max(axis=-1)], axis=-1)
    padded = np.pad(summaries, ((0, 0), (size // 2,) * 2, (size // 2,) * 2, (0, 0)))
    scores = np.empty(x.shape[:3])
    for row, column in np.ndindex(x.shape[1:3]):
        patch = padded[:, row : row + size, column : column + size]
        scores[:, row, column] = (patch * kernel[..., 0]).sum(axis=(1, 2, 3))
    return sigmoid(scores + bias)[..., None]


def convolutional_block_attention(x, channel_weights, spatial_weights):
    y = x * channel_attention(x, *channel_weights)
    return y * spatial_attention(y, *spatial_weights)


def mobile_multi_query_attention(x, query, key, value, output, *, num_heads, smaller=(None, None)):
    """Each projection is a kernel and a bias; `smaller` are the functions that make the images of keys and values."""
    x = np.asarray(x, np.float64)
    heads = [
        (image @ kernel + bias).reshape(len(x), -1, count, kernel.shape[1] // count)
        for image, (kernel, bias), count in (
            (x, query, num_heads),
            (x if smaller[0] is None else smaller[0](x), key, 1),
            (x if smaller[1] is None else smaller[1](x), value, 1),
        )
    ]
    return attention(*heads).reshape(*x.shape[:3], -1) @ output[0] + output[1]


def non_local(query, key, value, mode):
    """Pixel by pixel, from images of queries, keys and values."""
    flat = [image.reshape(len(image), -1, image.shape[-1]) for image in (query, key, value)]
    mixed = np.empty_like(flat[2])
    for sample, i in np.ndindex(mixed.shape[:2]):
        similarity = flat[1][sample] @ flat[0][sample, i]
        weights = np.exp(similarity) if mode == "gaussian" else similarity
        mixed[sample, i] = weights @ flat[2][sample] / (weights.sum() if mode == "gaussian" else len(weights))
    return mixed.reshape(value.shape)
