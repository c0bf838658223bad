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


def matmul(weights, dtype: str) -> Native:
    return _native(lambda weights, x: tf.matmul(x, weights[0]), weights, dtype)


def copy(weights, dtype: str) -> Native:
    return _native(lambda weights, x: x + 1, weights, dtype)
