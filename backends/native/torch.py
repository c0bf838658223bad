"""Native cores in PyTorch; see `backends.native`."""

import torch
from torch.nn import functional

from backends.protocol import Native
from backends.torch import tensor


def _native(function, weights, dtype, **kwargs) -> Native:
    return Native(function, [tensor(weight, dtype) for weight in weights], **kwargs)


def _channels_first(images):
    """A view: channels-last memory is the layout that PyTorch's convolutions are fastest with."""
    return images.permute(0, 3, 1, 2)


def rms_norm(weights, dtype: str, *, epsilon: float) -> Native:
    def function(weights, x):
        return functional.rms_norm(x, x.shape[-1:], weights[0], epsilon)

    return _native(function, weights, dtype)


def layer_norm(weights, dtype: str, *, epsilon: float) -> Native:
    def function(weights, x):
        scale, offset = weights
        return functional.layer_norm(x, x.shape[-1:], scale, offset, epsilon)

    return _native(function, weights, dtype)


def unit_norm(weights, dtype: str) -> Native:
    return _native(lambda weights, x: functional.normalize(x, dim=-1), weights, dtype)


def attention(weights, dtype: str) -> Native:
    width, *heads = weights[0].shape
    head_width = heads[-1]
    projections = [w.reshape(width, -1).T.copy() if w.ndim == 3 else w.reshape(-1) for w in weights[:6]]
    output = [weights[6].reshape(-1, width).T.copy(), weights[7]]

    def function(weights, x):
        batch, length, _ = x.shape

        def project(kernel, bias):
            return functional.linear(x, kernel, bias).view(batch, length, -1, head_width).transpose(1, 2)

        query, key, value = project(*weights[0:2]), project(*weights[2:4]), project(*weights[4:6])
        grouped = query.shape[1] != key.shape[1]
        mixed = functional.scaled_dot_product_attention(query, key, value, enable_gqa=grouped)
        return functional.linear(mixed.transpose(1, 2).reshape(batch, length, -1), *weights[6:])

    return _native(function, [*projections, *output], dtype)


def non_local_attention(weights, dtype: str) -> Native:
    kernel, *projections = weights

    def function(weights, x):
        kernel, query_kernel, value_kernel, key_kernel, output_kernel = weights
        batch, height, width, channels = x.shape
        images = functional.relu(_same_padded_convolution(_channels_first(x), kernel, None, groups=channels))
        pixels = images.permute(0, 2, 3, 1).reshape(batch, 1, height * width, channels)
        mixed = functional.scaled_dot_product_attention(
            functional.linear(pixels, query_kernel),
            functional.relu(functional.linear(pixels, key_kernel)),
            functional.linear(pixels, value_kernel),
            scale=1.0,
        )
        return functional.linear(mixed, output_kernel).view(x.shape)

    return _native(function, [kernel.transpose(2, 3, 0, 1).copy(), *(w.T.copy() for w in projections)], dtype)


def convolutional_block_attention(weights, dtype: str) -> Native:
    reduce, expand, kernel, bias = weights

    def function(weights, x):
        reduce, expand, kernel, bias = weights
        pooled = torch.stack([x.mean(dim=(1, 2)), x.amax(dim=(1, 2))])
        scores = functional.linear(functional.relu(functional.linear(pooled, reduce)), expand).sum(dim=0)
        x = x * torch.sigmoid(scores)[:, None, None]
        summary = torch.stack([x.mean(dim=-1), x.amax(dim=-1)], dim=1)
        return x * torch.sigmoid(_same_padded_convolution(summary, kernel, bias)).permute(0, 2, 3, 1)

    return _native(function, [reduce.T.copy(), expand.T.copy(), kernel.transpose(3, 2, 0, 1).copy(), bias], dtype)


def squeeze_excitation(weights, dtype: str) -> Native:
    def function(weights, x):
        reduce, restore = weights
        hidden = functional.relu(functional.linear(x.mean(dim=(1, 2)), reduce))
        return x * torch.sigmoid(functional.linear(hidden, restore))[:, None, None]

    return _native(function, [w.T.copy() for w in weights], dtype)


def mlp(weights, dtype: str) -> Native:
    def function(weights, x):
        expand, expand_bias, project, project_bias = weights
        return functional.linear(functional.gelu(functional.linear(x, expand, expand_bias)), project, project_bias)

    return _native(function, [w.T.copy() for w in weights], dtype)


def swiglu(weights, dtype: str) -> Native:
    def function(weights, x):
        gate, up, down = weights
        return functional.linear(functional.silu(functional.linear(x, gate)) * functional.linear(x, up), down)

    return _native(function, [w.T.copy() for w in weights], dtype)


def conv2d(weights, dtype: str) -> Native:
    kernel, bias = weights
    function = _same_padded(groups=1)
    native = _native(function, [kernel.transpose(3, 2, 0, 1), bias], dtype, layout=_channels_first)
    native.weights[0] = native.weights[0].contiguous(memory_format=torch.channels_last)
    return native


def depthwise_conv2d(weights, dtype: str) -> Native:
    kernel, bias = weights
    function = _same_padded(groups=kernel.shape[2])
    return _native(function, [kernel.transpose(2, 3, 0, 1).copy(), bias], dtype, layout=_channels_first)


def capsule_routing(weights, dtype: str, *, iterations: int) -> Native:
    def function(weights, capsules):
        kernel, bias = weights
        predictions = torch.einsum("bnc,ncmd->bmnd", capsules, kernel)
        logits = predictions.new_zeros(predictions.shape[:3], dtype=torch.float32)
        for step in range(iterations):
            coupling = functional.softmax(logits, dim=1).to(capsules.dtype)
            total = (torch.einsum("bmn,bmnd->bmd", coupling, predictions) + bias).float()
            square = total.square().sum(-1, keepdim=True)
            found = (square / (1 + square) * (square + 1e-7).rsqrt() * total).to(capsules.dtype)
            if step < iterations - 1:
                logits = logits + torch.einsum("bmnd,bmd->bmn", predictions, found)
        return found

    return _native(function, weights, dtype)


def kan_linear(weights, dtype: str, *, intervals: int, order: int) -> Native:
    knots = torch.arange(-order, intervals + order + 1, dtype=torch.float32) * (2 / intervals) - 1

    def function(weights, x):
        base, splines, scaler = weights
        grid = knots.to(x.device)
        t = x.float().clamp(-1, 1)[..., None]
        basis = ((t >= grid[:-1]) & (t < grid[1:])).float()
        for degree in range(1, order + 1):
            width = degree * 2 / intervals
            rising, falling = (t - grid[: -degree - 1]) / width, (grid[degree + 1 :] - t) / width
            basis = rising * basis[..., :-1] + falling * basis[..., 1:]
        bent = torch.einsum("bim,mio->bo", basis.to(x.dtype), splines * scaler)
        return functional.silu(x) @ base + bent

    return _native(function, weights, dtype)


def matrix_product_state(weights, dtype: str) -> Native:
    def function(weights, x):
        cores, projection, bias = weights
        matrices = cores[:, 0, None] + x.T[:, :, None, None] * cores[:, 1, None]
        while (sites := len(matrices)) > 1:
            even = sites - sites % 2
            matrices = torch.cat([matrices[0:even:2] @ matrices[1:even:2], matrices[even:]])
        return matrices[0].sum(1) @ projection + bias

    return _native(function, weights, dtype)


def _same_padded(groups: int):
    return lambda weights, x: _same_padded_convolution(x, weights[0], weights[1], groups)


def _same_padded_convolution(x, kernel, bias, groups=1):
    padding = tuple(size // 2 for size in kernel.shape[2:])
    return functional.conv2d(x, kernel, bias, padding=padding, groups=groups)


def cross_entropy(weights, dtype: str) -> Native:
    def function(weights, y_true, logits):
        classes = range(1, logits.ndim - 1)
        first = (0, logits.ndim - 1, *classes)
        return functional.cross_entropy(logits.float().permute(first), y_true.detach().float().permute(first))

    return _native(function, weights, dtype)


def focal(weights, dtype: str, *, gamma: float, alpha: float) -> Native:
    def function(weights, y_true, logits):
        log_p = functional.log_softmax(logits.float(), -1)
        costs = y_true.detach() * (1 - log_p.exp()) ** gamma * log_p
        return -alpha * costs.sum(-1).mean()

    return _native(function, weights, dtype)


def dice(weights, dtype: str, *, smooth: float) -> Native:
    def function(weights, y_true, logits):
        p, y = logits.float().softmax(-1), y_true.detach().float()
        axes = tuple(range(1, p.ndim - 1))
        sizes = (p + y).sum(axes)
        return (1 - (2 * (p * y).sum(axes) + smooth) / (sizes + smooth)).mean()

    return _native(function, weights, dtype)


def contrastive(weights, dtype: str) -> Native:
    def function(weights, y_true, of_images, of_texts):
        pairs = torch.arange(len(of_images), device=of_images.device)
        losses = [functional.cross_entropy(logits.float(), pairs) for logits in (of_images, of_texts)]
        return (losses[0] + losses[1]) / 2

    return _native(function, weights, dtype)


def matmul(weights, dtype: str) -> Native:
    return _native(lambda weights, x: x @ weights[0], weights, dtype)


def copy(weights, dtype: str) -> Native:
    return _native(lambda weights, x: x + 1, weights, dtype)
