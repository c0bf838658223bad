"""Each native core computes what the Keras built-in that it mirrors computes, with the same weights."""

import importlib
import os

import keras
import numpy as np
import pytest

import backends
from bench.workloads import attention, convolution, feed_forward
from dl_techniques import layers
from tests.oracles.compare import values

adapter = backends.active()
adapter.pin_precision("ieee")
native = importlib.import_module(f"backends.native.{os.environ['KERAS_BACKEND']}")
random = np.random.default_rng(7)


def images(*shape):
    return random.standard_normal(shape).astype("float32")


IMAGE, SEQUENCE = {"side": 9, "width": 16}, {"tokens": 6, "width": 8}
CASES = {
    "rms_norm": (lambda: keras.layers.RMSNormalization(epsilon=1e-5), images(2, 6, 8), {"epsilon": 1e-5}),
    "layer_norm": (lambda: keras.layers.LayerNormalization(epsilon=1e-5), images(2, 6, 8), {"epsilon": 1e-5}),
    "attention": (lambda: keras.layers.MultiHeadAttention(num_heads=4, key_dim=4), images(2, 6, 16), {}),
    "grouped attention": (
        lambda: keras.layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2),
        images(2, 6, 16),
        {},
    ),
    "unit_norm": (keras.layers.UnitNormalization, images(2, 6, 8), {}),
    "non_local_attention": (lambda: attention.non_local_attention(IMAGE), images(2, 9, 9, 16), {}),
    "convolutional_block_attention": (
        lambda: attention.convolutional_block_attention(IMAGE),
        images(2, 9, 9, 16),
        {},
    ),
    "squeeze_excitation": (lambda: convolution.squeeze_excitation(IMAGE), images(2, 9, 9, 16), {}),
    "mlp": (lambda: feed_forward.mlp(SEQUENCE), images(2, 6, 8), {}),
    "swiglu": (lambda: feed_forward.swiglu(SEQUENCE), images(2, 6, 8), {}),
    "conv2d": (lambda: keras.layers.Conv2D(5, 3, padding="same"), images(2, 8, 7, 4), {}),
    "depthwise_conv2d": (lambda: keras.layers.DepthwiseConv2D(3, padding="same"), images(2, 8, 7, 4), {}),
    "capsule_routing": (lambda: layers.RoutingCapsule(4, 5), values(2, 6, 3), {"iterations": 3}),
    "kan_linear": (lambda: layers.KANLinear(3, 4), values(5, 3), {"intervals": 4, "order": 3}),
    "matrix_product_state": (lambda: layers.MPSLayer(3, 2), values(4, 7), {}),
}


def assert_near(actual, expected, scale=None):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * (scale or np.abs(expected).max()))


@pytest.mark.parametrize("name", CASES)
def test_native_equals_keras(name):
    make, x, options = CASES[name]
    layer = make()
    attends = name.split()[-1] == "attention"
    inputs = [x, x] if attends else [x]
    layer.build(*[i.shape for i in inputs])
    layer.set_weights([images(*w.shape) / 3 for w in layer.weights])
    expected = adapter.array(layer(*inputs))
    core = getattr(native, name.split()[-1])(layer.get_weights(), "float32", **options)
    arranged = core.layout(adapter.tensor(x, "float32"))
    cotangent = images(*expected.shape)
    program = adapter.backward(core, [arranged], core.layout(adapter.tensor(cotangent, "float32")), "eager")
    output, (input_gradient,), weight_gradients = program.run()[:3]
    expected_program = adapter.backward(
        layer, [adapter.tensor(i, "float32") for i in inputs], adapter.tensor(cotangent, "float32"), "eager"
    )
    _, expected_input_gradients, expected_weight_gradients = expected_program.run()[:3]
    assert_near(channels_last(adapter.array(output), expected), expected)
    expected_gradient = sum(adapter.array(g) for g in expected_input_gradients)
    assert_near(channels_last(adapter.array(input_gradient), expected_gradient), expected_gradient)
    expected_weight_gradients = [adapter.array(g) for g in expected_weight_gradients]
    # A key bias has no gradient but rounding.
    scale = max((np.abs(g).max() for g in expected_weight_gradients), default=None)
    for actual, wanted in zip(weight_gradients, expected_weight_gradients, strict=True):
        assert_near(np.sort(adapter.array(actual).ravel()), np.sort(wanted.ravel()), scale)


def diagonal(*logits):
    pairs = keras.ops.eye(len(logits[0]))
    both = [keras.ops.categorical_crossentropy(pairs, each, from_logits=True) for each in logits]
    return keras.ops.mean(sum(both)) / 2


LOSSES = {
    "cross_entropy": (keras.losses.CategoricalCrossentropy(from_logits=True), {}),
    "focal": (
        keras.losses.CategoricalFocalCrossentropy(0.3, 1.5, from_logits=True),
        {"gamma": 1.5, "alpha": 0.3},
    ),
    "dice": (lambda y, x: keras.losses.Dice(axis=(1, 2))(y, keras.ops.softmax(x)), {"smooth": 1e-7}),
    "contrastive": (lambda y, *x: diagonal(*x), {}),
}


@pytest.mark.parametrize("name", LOSSES)
def test_native_losses_equal_those_of_keras(name):
    loss, options = LOSSES[name]
    x = [images(5, 5), images(5, 5)] if name == "contrastive" else [images(2, 4, 3, 5)]
    y = np.eye(5, dtype="float32")[random.integers(0, 5, x[0].shape[:-1])]
    core = getattr(native, name)([], "float32", **options)
    inputs = [adapter.tensor(each, "float32") for each in (y, *x)]
    program = adapter.backward(core, inputs, adapter.tensor(np.float32(1), "float32"), "eager")
    value, (of_target, *gradients), _ = program.run()[:3]
    assert_near(adapter.array(value), adapter.array(loss(*inputs)))
    assert of_target is None or not adapter.array(of_target).any()
    step = 1e-2
    for i, gradient in enumerate(gradients):
        way = images(*x[i].shape)
        ahead, behind = (
            float(loss(inputs[0], *(each + sign * step * way * (i == j) for j, each in enumerate(x))))
            for sign in (1, -1)
        )
        slope = np.sum(adapter.array(gradient) * way)
        np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=2e-3, atol=1e-4)


def channels_last(array, like):
    return array if array.shape == like.shape else np.moveaxis(array, 1, -1)


def test_one_head_of_keys_and_values_serves_all_queries():
    """Keras' own layer cannot do that on TensorFlow, so this compares with that head repeated."""
    layer = keras.layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=1)
    layer.build((2, 6, 16), (2, 6, 16))
    weights = [images(*w.shape) / 3 for w in layer.weights]
    repeated = [np.repeat(w, 4, axis=-2) if 2 <= i < 6 else w for i, w in enumerate(weights)]
    x = adapter.tensor(images(2, 6, 16), "float32")
    found, expected = (
        adapter.array(adapter.forward(native.attention(w, "float32"), [x], "eager").run()) for w in (weights, repeated)
    )
    assert_near(found, expected)


def test_a_copy_reads_and_writes_everything_and_a_product_is_a_product():
    x, y = images(4, 5), images(5, 3)
    product = native.matmul([y], "float32")
    assert_near(adapter.array(adapter.forward(product, [adapter.tensor(x, "float32")], "eager").run()), x @ y)
    shifted = native.copy([], "float32")
    assert_near(adapter.array(adapter.forward(shifted, [adapter.tensor(x, "float32")], "eager").run()), x + 1)
