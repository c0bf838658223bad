"""Native cores in JAX; see `backends.native`."""

import jax
import jax.numpy as jnp
from jax import lax

from backends.jax import tensor
from backends.protocol import Native

IMAGES = ("NHWC", "HWIO", "NHWC")


def _native(function, weights, dtype) -> Native:
    return Native(function, [tensor(weight, dtype) for weight in weights])


def rms_norm(weights, dtype: str, *, epsilon: float) -> Native:
    def function(weights, x):
        wide = x.astype(jnp.float32)
        normalized = wide * lax.rsqrt(jnp.mean(jnp.square(wide), axis=-1, keepdims=True) + epsilon)
        return (normalized * weights[0]).astype(x.dtype)

    return _native(function, weights, dtype)


def layer_norm(weights, dtype: str, *, epsilon: float) -> Native:
    def function(weights, x):
        scale, offset = weights
        standardized = jax.nn.standardize(x.astype(jnp.float32), axis=-1, epsilon=epsilon)
        return (standardized * scale + offset).astype(x.dtype)

    return _native(function, weights, dtype)


def unit_norm(weights, dtype: str) -> Native:
    def function(weights, x):
        wide = x.astype(jnp.float32)
        length = jnp.sum(jnp.square(wide), axis=-1, keepdims=True)
        return (wide * lax.rsqrt(jnp.maximum(length, 1e-12))).astype(x.dtype)

    return _native(function, weights, dtype)


def attention(weights, dtype: str) -> Native:
    is_flash = jax.default_backend() == "gpu" and dtype in ("bfloat16", "float16")

    def function(weights, x):
        query_kernel, query_bias, key_kernel, key_bias, value_kernel, value_bias, output_kernel, output_bias = weights
        query = jnp.einsum("btd,dnh->btnh", x, query_kernel) + query_bias
        key = jnp.einsum("btd,dnh->btnh", x, key_kernel) + key_bias
        value = jnp.einsum("btd,dnh->btnh", x, value_kernel) + value_bias
        mixed = jax.nn.dot_product_attention(query, key, value, implementation="cudnn" if is_flash else "xla")
        return jnp.einsum("btnh,nhd->btd", mixed, output_kernel) + output_bias

    return _native(function, weights, dtype)


def non_local_attention(weights, dtype: str) -> Native:
    def function(weights, x):
        kernel, query_kernel, value_kernel, key_kernel, output_kernel = weights
        pixels = jax.nn.relu(_depthwise(x, kernel)).reshape(len(x), -1, 1, x.shape[-1])
        mixed = jax.nn.dot_product_attention(
            pixels @ query_kernel, jax.nn.relu(pixels @ key_kernel), pixels @ value_kernel, scale=1.0
        )
        return (mixed @ output_kernel).reshape(x.shape)

    return _native(function, weights, dtype)


def convolutional_block_attention(weights, dtype: str) -> Native:
    def function(weights, x):
        reduce, expand, kernel, bias = weights
        pooled = jnp.stack([jnp.mean(x, axis=(1, 2)), jnp.max(x, axis=(1, 2))])
        x = x * jax.nn.sigmoid(jnp.sum(jax.nn.relu(pooled @ reduce) @ expand, axis=0))[:, None, None]
        summary = jnp.stack([jnp.mean(x, axis=-1), jnp.max(x, axis=-1)], axis=-1)
        scores = lax.conv_general_dilated(summary, kernel, (1, 1), "SAME", dimension_numbers=IMAGES) + bias
        return x * jax.nn.sigmoid(scores)

    return _native(function, weights, dtype)


def squeeze_excitation(weights, dtype: str) -> Native:
    def function(weights, x):
        reduce, restore = weights
        gate = jax.nn.sigmoid(jax.nn.relu(jnp.mean(x, axis=(1, 2)) @ reduce) @ restore)
        return x * gate[:, None, None]

    return _native(function, weights, dtype)


def mlp(weights, dtype: str) -> Native:
    def function(weights, x):
        expand, expand_bias, project, project_bias = weights
        return jax.nn.gelu(x @ expand + expand_bias, approximate=False) @ project + project_bias

    return _native(function, weights, dtype)


def swiglu(weights, dtype: str) -> Native:
    def function(weights, x):
        gate, up, down = weights
        return (jax.nn.silu(x @ gate) * (x @ up)) @ down

    return _native(function, weights, dtype)


def conv2d(weights, dtype: str) -> Native:
    def function(weights, x):
        kernel, bias = weights
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=IMAGES) + bias

    return _native(function, weights, dtype)


def depthwise_conv2d(weights, dtype: str) -> Native:
    def function(weights, x):
        kernel, bias = weights
        return _depthwise(x, kernel) + bias

    return _native(function, weights, dtype)


def _depthwise(x, kernel):
    channels = x.shape[-1]
    kernel = kernel.reshape(*kernel.shape[:2], 1, channels)
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=IMAGES, feature_group_count=channels)


def capsule_routing(weights, dtype: str, *, iterations: int) -> Native:
    def function(weights, capsules):
        kernel, bias = weights
        predictions = jnp.einsum("bnc,ncmd->bmnd", capsules, kernel)
        logits = jnp.zeros(predictions.shape[:3], jnp.float32)
        for step in range(iterations):
            coupling = jax.nn.softmax(logits, axis=1).astype(capsules.dtype)
            total = (jnp.einsum("bmn,bmnd->bmd", coupling, predictions) + bias).astype(jnp.float32)
            square = jnp.sum(total * total, axis=-1, keepdims=True)
            found = (square / (1 + square) * lax.rsqrt(square + 1e-7) * total).astype(capsules.dtype)
            if step < iterations - 1:
                logits = logits + jnp.einsum("bmnd,bmd->bmn", predictions, found)
        return found

    return _native(function, weights, dtype)


def kan_linear(weights, dtype: str, *, intervals: int, order: int) -> Native:
    knots = jnp.arange(-order, intervals + order + 1, dtype=jnp.float32) * (2 / intervals) - 1

    def function(weights, x):
        base, splines, scaler = weights
        t = jnp.clip(x.astype(jnp.float32), -1, 1)[..., None]
        basis = ((t >= knots[:-1]) & (t < knots[1:])).astype(t.dtype)
        for degree in range(1, order + 1):
            width = degree * 2 / intervals
            rising, falling = (t - knots[: -degree - 1]) / width, (knots[degree + 1 :] - t) / width
            basis = rising * basis[..., :-1] + falling * basis[..., 1:]
        bent = jnp.einsum("bim,mio->bo", basis.astype(x.dtype), splines * scaler)
        return jax.nn.silu(x) @ base + bent

    return _native(function, weights, dtype)


def matrix_product_state(weights, dtype: str) -> Native:
    def function(weights, x):
        cores, projection, bias = weights

        def step(vector, site):
            (constant, slope), feature = site
            return vector @ constant + feature[:, None] * (vector @ slope), None

        ones = jnp.ones((x.shape[0], cores.shape[-1]), x.dtype)
        vector, _ = lax.scan(step, ones, (cores, x.T))
        return vector @ projection + bias

    return _native(function, weights, dtype)


def cross_entropy(weights, dtype: str) -> Native:
    def function(weights, y_true, logits):
        log_p = jax.nn.log_softmax(logits.astype(jnp.float32))
        return -jnp.mean(jnp.sum(lax.stop_gradient(y_true) * log_p, axis=-1))

    return _native(function, weights, dtype)


def focal(weights, dtype: str, *, gamma: float, alpha: float) -> Native:
    def function(weights, y_true, logits):
        log_p = jax.nn.log_softmax(logits.astype(jnp.float32))
        costs = lax.stop_gradient(y_true) * (1 - jnp.exp(log_p)) ** gamma * log_p
        return -alpha * jnp.mean(jnp.sum(costs, axis=-1))

    return _native(function, weights, dtype)


def dice(weights, dtype: str, *, smooth: float) -> Native:
    def function(weights, y_true, logits):
        p, y = jax.nn.softmax(logits.astype(jnp.float32)), lax.stop_gradient(y_true).astype(jnp.float32)
        axes = tuple(range(1, p.ndim - 1))
        sizes = jnp.sum(p + y, axis=axes)
        return jnp.mean(1 - (2 * jnp.sum(p * y, axis=axes) + smooth) / (sizes + smooth))

    return _native(function, weights, dtype)


def contrastive(weights, dtype: str) -> Native:
    def loss(logits):
        return -jnp.mean(jnp.diagonal(jax.nn.log_softmax(logits.astype(jnp.float32))))

    def function(weights, y_true, of_images, of_texts):
        return (loss(of_images) + loss(of_texts)) / 2

    return _native(function, weights, dtype)


def matmul(weights, dtype: str) -> Native:
    return _native(lambda weights, x: x @ weights[0], weights, dtype)


def copy(weights, dtype: str) -> Native:
    return _native(lambda weights, x: x + 1, weights, dtype)
