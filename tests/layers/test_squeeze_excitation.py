import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import SqueezeExcitation
from tests._frameworks import value_and_gradients
from tests.oracles.activations import sigmoid
from tests.oracles.compare import BFLOAT16_UNIT, GRADIENT_UNITS, assert_accurate, central_differences, output, values


def oracle(x, reduce, restore, reduce_bias=0.0, restore_bias=0.0):
    """Hu et al., arXiv:1709.01507, equations 2 to 4."""
    squeezed = x.mean(axis=(1, 2))
    gate = sigmoid(np.maximum(squeezed @ reduce + reduce_bias, 0) @ restore + restore_bias)
    return x * gate[:, None, None, :]


@pytest.mark.parametrize("use_bias", [False, True])
def test_oracle(use_bias):
    x = values(2, 3, 4, 8)
    layer = SqueezeExcitation(0.5, use_bias=use_bias, kernel_initializer="random_normal")
    layer.build(x.shape)
    for seed, weight in enumerate(layer.weights, 1):
        weight.assign(values(*weight.shape, seed=seed))
    dense = (layer.reduce, layer.restore)
    weights = [d.kernel for d in dense] + [d.bias for d in dense if use_bias]
    arguments = [x.astype("float64"), *(ops.convert_to_numpy(w.value).astype("float64") for w in weights)]
    cotangent = values(*x.shape, seed=99)
    (found,), gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=False)
    assert_accurate(ops.convert_to_numpy(found), oracle(*arguments))
    by_path = dict(zip([w.path for w in layer.trainable_weights], gradients[1:], strict=True))
    for index, gradient in enumerate([gradients[0], *(by_path[w.path] for w in weights)]):
        expected = central_differences(oracle, arguments, index, cotangent)
        assert_accurate(ops.convert_to_numpy(gradient), expected, GRADIENT_UNITS)


@pytest.mark.parametrize(
    ("channels", "ratio", "bottleneck"),
    [(3, 0.25, 1), (8, 0.25, 2), (10, 0.25, 2), (14, 0.25, 4), (64, 0.25, 16), (2, 0.1, 1)],
)
def test_the_width_of_the_bottleneck(channels, ratio, bottleneck):
    layer = SqueezeExcitation(ratio)
    layer.build((None, None, None, channels))
    assert layer.reduce.kernel.shape == (channels, bottleneck)
    assert layer.restore.kernel.shape == (bottleneck, channels)


def test_zero_kernels_halve():
    x = values(2, 3, 4, 8)
    np.testing.assert_array_equal(output(SqueezeExcitation(kernel_initializer="zeros"), x), 0.5 * x)


def test_the_gate_lies_between_zero_and_one_and_sees_no_places():
    layer = SqueezeExcitation()
    x = values(2, 3, 4, 8)
    y = output(layer, x)
    assert np.all((y / x > 0) & (y / x < 1))
    order = np.random.default_rng(1).permutation(12)
    moved = output(layer, x.reshape(2, 12, 8)[:, order].reshape(x.shape))
    assert_accurate(moved.reshape(2, 12, 8), y.reshape(2, 12, 8)[:, order])


def test_unknown_height_and_width():
    inputs = keras.Input((None, None, 4))
    layer = SqueezeExcitation()
    model = keras.Model(inputs, layer(inputs))
    for x in (values(2, 3, 5, 4), values(1, 6, 2, 4)):
        np.testing.assert_array_equal(output(model, x), output(layer, x))


def test_kernels_of_one_shape_and_seed_start_different():
    layer = SqueezeExcitation(1.0, kernel_initializer=keras.initializers.RandomNormal(seed=3))
    layer.build((None, 2, 2, 8))
    reduce, restore = (ops.convert_to_numpy(dense.kernel) for dense in (layer.reduce, layer.restore))
    assert reduce.shape == restore.shape
    assert not np.array_equal(reduce, restore)


def test_both_kernels_are_regularized():
    layer = SqueezeExcitation(kernel_initializer="ones", kernel_regularizer=keras.regularizers.L1(1.0))
    layer.build((None, 2, 2, 8))
    np.testing.assert_allclose([float(ops.convert_to_numpy(loss)) for loss in layer.losses], [16, 16])


def test_the_mean_of_a_large_image_keeps_its_precision():
    """Summed in bfloat16 it would stop growing after a few hundred pixels."""
    x = np.ones((1, 64, 64, 2), "float32")
    layer = SqueezeExcitation(1.0, kernel_initializer="identity", dtype="bfloat16")
    expected = oracle(x.astype("float64"), np.eye(2), np.eye(2))
    assert_accurate(output(layer, ops.cast(x, "bfloat16")), expected, units=2, unit=BFLOAT16_UNIT)
