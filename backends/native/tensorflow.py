"""Native cores in TensorFlow; see `backends.native`."""

import tensorflow as tf

from backends.protocol import Native
from backends.tensorflow import tensor


def _native(function, weights, dtype) -> Native:
    return Native(function, [tensor(weight, dtype) for weight in weights])


def rms_norm(weights, dtype: str, *, epsilon: float) -> Native:
    def function(weights, x):
        wide = tf.cast(x, tf.float32)
        normalized = wide * tf.math.rsqrt(tf.reduce_mean(tf.square(wide), axis=-1, keepdims=True) + epsilon)
        return tf.cast(normalized * tf.cast(weights[0], tf.float32), x.dtype)

    return _native(function, weights, dtype)


def layer_norm(weights, dtype: str, *, epsilon: float) -> Native:
    def function(weights, x):
        scale, offset = (tf.cast(weight, tf.float32) for weight in weights)
        wide = tf.cast(x, tf.float32)
        mean, variance = tf.nn.moments(wide, axes=[-1], keepdims=True)
        return tf.cast(tf.nn.batch_normalization(wide, mean, variance, offset, scale, epsilon), x.dtype)

    return _native(function, weights, dtype)


def unit_norm(weights, dtype: str) -> Native:
    return _native(
        lambda weights, x: tf.cast(tf.math.l2_normalize(tf.cast(x, tf.float32), axis=-1), x.dtype), weights, dtype
    )


def attention(weights, dtype: str) -> Native:
    def function(weights, x):
        query_kernel, query_bias, key_kernel, key_bias, value_kernel, value_bias, output_kernel, output_bias = weights
        _, heads, head_width = query_kernel.shape
        groups = key_kernel.shape[1]
        query = tf.einsum("btd,dnh->btnh", x, query_kernel) + query_bias
        key = tf.einsum("btd,dgh->btgh", x, key_kernel) + key_bias
        value = tf.einsum("btd,dgh->btgh", x, value_kernel) + value_bias
        batch, length, _ = x.shape
        query = tf.reshape(query, (batch, length, groups, heads // groups, head_width))
        scores = tf.einsum("btgnh,bsgh->bgnts", query, key) * head_width**-0.5
        mixed = tf.einsum("bgnts,bsgh->btgnh", tf.nn.softmax(scores), value)
        mixed = tf.reshape(mixed, (batch, length, heads, head_width))
        return tf.einsum("btnh,nhd->btd", mixed, output_kernel) + output_bias

    return _native(function, weights, dtype)


def non_local_attention(weights, dtype: str) -> Native:
    def function(weights, x):
        kernel, query_kernel, value_kernel, key_kernel, output_kernel = weights
        batch, height, width, channels = x.shape
        images = tf.nn.relu(tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME"))
        pixels = tf.reshape(images, (batch, height * width, channels))
        query, key = tf.tensordot(pixels, query_kernel, 1), tf.nn.relu(tf.tensordot(pixels, key_kernel, 1))
        mixed = tf.matmul(
            tf.nn.softmax(tf.matmul(query, key, transpose_b=True)), tf.tensordot(pixels, value_kernel, 1)
        )
        return tf.reshape(tf.tensordot(mixed, output_kernel, 1), x.shape)

    return _native(function, weights, dtype)


def convolutional_block_attention(weights, dtype: str) -> Native:
    def function(weights, x):
        reduce, expand, kernel, bias = weights
        pooled = tf.stack([tf.reduce_mean(x, axis=(1, 2)), tf.reduce_max(x, axis=(1, 2))])
        scores = tf.tensordot(tf.nn.relu(tf.tensordot(pooled, reduce, 1)), expand, 1)
        x = x * tf.sigmoid(tf.reduce_sum(scores, axis=0))[:, None, None]
        summary = tf.stack([tf.reduce_mean(x, axis=-1), tf.reduce_max(x, axis=-1)], axis=-1)
        return x * tf.sigmoid(tf.nn.bias_add(tf.nn.conv2d(summary, kernel, 1, "SAME"), bias))

    return _native(function, weights, dtype)


def squeeze_excitation(weights, dtype: str) -> Native:
    def function(weights, x):
        reduce, restore = weights
        hidden = tf.nn.relu(tf.matmul(tf.reduce_mean(x, axis=(1, 2)), reduce))
        return x * tf.sigmoid(tf.matmul(hidden, restore))[:, None, None]

    return _native(function, weights, dtype)


def mlp(weights, dtype: str) -> Native:
    def function(weights, x):
        expand, expand_bias, project, project_bias = weights
        hidden = tf.nn.gelu(tf.tensordot(x, expand, 1) + expand_bias, approximate=False)
        return tf.tensordot(hidden, project, 1) + project_bias

    return _native(function, weights, dtype)


def swiglu(weights, dtype: str) -> Native:
    def function(weights, x):
        gate, up, down = weights
        return tf.tensordot(tf.nn.silu(tf.tensordot(x, gate, 1)) * tf.tensordot(x, up, 1), down, 1)

    return _native(function, weights, dtype)


def conv2d(weights, dtype: str) -> Native:
    return _native(
        lambda weights, x: tf.nn.bias_add(tf.nn.conv2d(x, weights[0], 1, "SAME"), weights[1]), weights, dtype
    )


def depthwise_conv2d(weights, dtype: str) -> Native:
    def function(weights, x):
        kernel, bias = weights
        return tf.nn.bias_add(tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME"), bias)

    return _native(function, weights, dtype)


def capsule_routing(weights, dtype: str, *, iterations: int) -> Native:
    def function(weights, capsules):
        kernel, bias = weights
        predictions = tf.einsum("bnc,ncmd->bmnd", capsules, kernel)
        logits = tf.zeros(tf.shape(predictions)[:3], tf.float32)
        for step in range(iterations):
            coupling = tf.cast(tf.nn.softmax(logits, axis=1), capsules.dtype)
            total = tf.cast(tf.einsum("bmn,bmnd->bmd", coupling, predictions) + bias, tf.float32)
            square = tf.reduce_sum(tf.square(total), axis=-1, keepdims=True)
            found = tf.cast(square / (1 + square) * tf.math.rsqrt(square + 1e-7) * total, capsules.dtype)
            if step < iterations - 1:
                logits = logits + tf.cast(tf.einsum("bmnd,bmd->bmn", predictions, found), tf.float32)
        return found

    return _native(function, weights, dtype)


def kan_linear(weights, dtype: str, *, intervals: int, order: int) -> Native:
    knots = tf.range(-order, intervals + order + 1, dtype=tf.float32) * (2 / intervals) - 1

    def function(weights, x):
        base, splines, scaler = weights
        t = tf.clip_by_value(tf.cast(x, tf.float32), -1, 1)[..., None]
        basis = tf.cast((t >= knots[:-1]) & (t < knots[1:]), tf.float32)
        for degree in range(1, order + 1):
            width = degree * 2 / intervals
            rising, falling = (t - knots[: -degree - 1]) / width, (knots[degree + 1 :] - t) / width
            basis = rising * basis[..., :-1] + falling * basis[..., 1:]
        bent = tf.einsum("bim,mio->bo", tf.cast(basis, x.dtype), splines * scaler)
        return tf.matmul(tf.nn.silu(x), base) + bent

    return _native(function, weights, dtype)


def matrix_product_state(weights, dtype: str) -> Native:
    def function(weights, x):
        cores, projection, bias = weights
        matrices = cores[:, None, 0] + tf.transpose(x)[:, :, None, None] * cores[:, None, 1]
        while (sites := matrices.shape[0]) > 1:
            even = sites - sites % 2
            matrices = tf.concat([tf.matmul(matrices[0:even:2], matrices[1:even:2]), matrices[even:]], axis=0)
        return tf.matmul(tf.reduce_sum(matrices[0], axis=1), projection) + bias

    return _native(function, weights, dtype)


def cross_entropy(weights, dtype: str) -> Native:
    def function(weights, y_true, logits):
        y = tf.cast(tf.stop_gradient(y_true), tf.float32)
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, tf.cast(logits, tf.float32)))

    return _native(function, weights, dtype)


def focal(weights, dtype: str, *, gamma: float, alpha: float) -> Native:
    def function(weights, y_true, logits):
        log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
        costs = tf.cast(tf.stop_gradient(y_true), tf.float32) * (1 - tf.exp(log_p)) ** gamma * log_p
        return -alpha * tf.reduce_mean(tf.reduce_sum(costs, axis=-1))

    return _native(function, weights, dtype)


def dice(weights, dtype: str, *, smooth: float) -> Native:
    def function(weights, y_true, logits):
        p, y = tf.nn.softmax(tf.cast(logits, tf.float32)), tf.cast(tf.stop_gradient(y_true), tf.float32)
        axes = list(range(1, len(p.shape) - 1))
        sizes = tf.reduce_sum(p + y, axis=axes)
        return tf.reduce_mean(1 - (2 * tf.reduce_sum(p * y, axis=axes) + smooth) / (sizes + smooth))

    return _native(function, weights, dtype)


def contrastive(weights, dtype: str) -> Native:
    def loss(logits):
        pairs = tf.range(tf.shape(logits)[0])
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(pairs, tf.cast(logits, tf.float32)))

    def function(weights, y_true, of_images, of_texts):
        return (loss(of_images) + loss(of_texts)) / 2

    return _native(function, weights, dtype)


def matmul(weights, dtype: str) -> Native:
    return _native(lambda weights, x: tf.matmul(x, weights[0]), weights, dtype)


def copy(weights, dtype: str) -> Native:
    return _native(lambda weights, x: x + 1, weights, dtype)
