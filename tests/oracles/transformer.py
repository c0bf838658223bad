"""Transformer layers in float64 NumPy. A dense part and a norm are pairs of kernel or gain, and bias."""

from itertools import product

import numpy as np

from tests.oracles.attention import attention, differential_attention, softmax
from tests.oracles.convolution import convolution
from tests.oracles.ffn import dense, gated, gelu, layer_norm, mlp, silu
from tests.oracles.norms import rms_norm


def self_attention(x, query, key, value, output, *, num_heads, mask=None):
    q, k, v = (dense(x, part).reshape(*x.shape[:2], num_heads, -1) for part in (query, key, value))
    return dense(attention(q, k, v, mask=mask).reshape(x.shape), output)


def encoder_layer(x, norms, projections, network, *, num_heads, first=True, epsilon=1e-6, mask=None, activation=gelu):
    """Xiong et al., arXiv:2002.04745, figure 1: with the norms first (b), or after the sums (a)."""
    norm1, norm2 = (lambda y, norm=norm: layer_norm(y, *norm, epsilon=epsilon) for norm in norms)
    if first:
        x = x + self_attention(norm1(x), *projections, num_heads=num_heads, mask=mask)
        return x + mlp(norm2(x), *network, activation)
    x = norm1(x + self_attention(x, *projections, num_heads=num_heads, mask=mask))
    return norm2(x + mlp(x, *network, activation))


def differential_block(x, norms, attention_weights, network, *, num_heads, lambda_init, mask=None):
    """Ye et al., arXiv:2410.05258, equations 4 and 5, from gains, the arguments of the attention and three kernels."""
    normalized = rms_norm(x, norms[0], epsilon=1e-6)
    x = x + differential_attention(
        normalized, *attention_weights, num_heads=num_heads, lambda_init=lambda_init, mask=mask
    )
    normalized = rms_norm(x, norms[1], epsilon=1e-6)
    return x + gated(normalized, *((kernel, 0.0) for kernel in network), silu)


def shifted_window_attention(x, qkv, table, output, *, window, shift, num_heads):
    """Of an image of whole windows, without rolling it: the windows begin at `shift`, those at the border are cut.

    Window and shift are one number, or one for each axis.
    """
    (window_height, window_width), (shift_y, shift_x) = np.broadcast_to(window, 2), np.broadcast_to(shift, 2)
    batch, height, width, dim = x.shape
    query, key, value = np.moveaxis(dense(x, qkv).reshape(batch, height, width, 3, num_heads, -1), 3, 0)
    groups = {}
    for row, column in product(range(height), range(width)):
        place = (row - shift_y) // window_height, (column - shift_x) // window_width
        groups.setdefault(place, []).append((row, column))
    mixed = np.empty((batch, height, width, num_heads, dim // num_heads))
    for pixels in groups.values():
        for row, column in pixels:
            scores = np.empty((batch, num_heads, len(pixels)))
            for j, (other_row, other_column) in enumerate(pixels):
                place = (row - other_row + window_height - 1) * (2 * window_width - 1)
                place += column - other_column + window_width - 1
                products = (query[:, row, column] * key[:, other_row, other_column]).sum(axis=-1)
                scores[:, :, j] = products / np.sqrt(dim // num_heads) + table[place]
            values = np.stack([value[:, r, c] for r, c in pixels], axis=2)
            mixed[:, row, column] = np.einsum("bhj,bhjd->bhd", softmax(scores), values)
    return dense(mixed.reshape(x.shape), output)


def swin_block(x, norms, attention_weights, network, *, window, shift, num_heads):
    """`attention_weights` are the dense part of queries, keys and values, the table of biases and the output part."""
    height, width = x.shape[1:3]
    rows, columns = np.broadcast_to(window, 2)
    normalized = layer_norm(x, *norms[0], epsilon=1e-5)
    padded = np.pad(normalized, ((0, 0), (0, -height % rows), (0, -width % columns), (0, 0)))
    mixed = shifted_window_attention(padded, *attention_weights, window=window, shift=shift, num_heads=num_heads)
    x = x + mixed[:, :height, :width]
    return x + mlp(layer_norm(x, *norms[1], epsilon=1e-5), *network)


def swin_conv_block(x, split, convolutions, swin, merge):
    """Zhang et al., arXiv:2203.13278, section 3.2: `swin` is a function of the channels that are not convolved."""
    first, second = convolutions
    y = dense(x, split)
    local, distant = np.split(y, [first.shape[-1]], axis=-1)
    local = local + convolution(np.maximum(convolution(local, first), 0), second)
    return x + dense(np.concatenate([local, swin(distant)], axis=-1), merge)
