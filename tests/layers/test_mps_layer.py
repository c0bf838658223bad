import functools

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import MPSLayer
from tests._frameworks import value_and_gradients
from tests.oracles.compare import (
    BFLOAT16_UNIT,
    GRADIENT_UNITS,
    assert_accurate,
    central_differences,
    output,
    rounded,
    values,
    weights_of,
)

FEATURE_MAPS = {
    "linear": lambda x: (1.0, x),
    "trig": lambda x: (np.cos(np.pi * x / 2), np.sin(np.pi * x / 2)),
    "product": lambda x: (x,),
}
BOND, OUTPUTS = 3, 2

each_map = pytest.mark.parametrize("feature_map", FEATURE_MAPS)


def oracle(x, cores, projection, bias, *, feature_map):
    """A vector times one matrix after the other."""
    rows = []
    for sample in x:
        state = np.ones(cores.shape[-1])
        for value, core in zip(sample, cores.reshape(len(cores), -1, *cores.shape[-2:]), strict=True):
            terms = zip(FEATURE_MAPS[feature_map](value), core, strict=True)
            state = state @ sum(number * matrix for number, matrix in terms)
        rows.append(state @ projection + bias)
    return np.array(rows)


def make(features, feature_map, bond=BOND, **arguments):
    """Weights as large as they are in the beginning, but for some more noise."""
    layer = MPSLayer(OUTPUTS, bond, feature_map=feature_map, **arguments)
    layer.build((None, features))
    for seed, weight in enumerate(layer.trainable_weights, 1):
        weight.assign(numpy(weight.value) + 0.3 * values(*weight.shape, seed=seed))
    return layer


def expected(layer, x, **given):
    return oracle(x.astype("float64"), *weights_of(layer), feature_map=layer.feature_map)


def step(layer, x, cotangent, *, jit=False):
    """JAX compiles a function faster than its operations one by one."""
    jit = jit or keras.backend.backend() == "jax"
    (y,), gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    return numpy(y), [numpy(gradient) for gradient in gradients]


def outputs(layer, x):
    return step(layer, x, np.zeros((len(x), OUTPUTS), "float32"))[0]


@each_map
@pytest.mark.parametrize("features", [1, 6, 13])
def test_one_matrix_after_the_other(features, feature_map):
    layer, x, cotangent = make(features, feature_map), values(2, features), values(2, OUTPUTS, seed=9)
    y, gradients = step(layer, x, cotangent)
    assert_accurate(y, expected(layer, x), units=64)
    arguments = [x.astype("float64"), *weights_of(layer)]
    function = functools.partial(oracle, feature_map=feature_map)
    for index, gradient in enumerate(gradients):
        assert_accurate(gradient, central_differences(function, arguments, index, cotangent), GRADIENT_UNITS)


@pytest.mark.parametrize("feature_map", ["linear", "trig"])
def test_identities_leave_the_sum_of_the_projection(feature_map):
    layer = make(6, feature_map)
    layer.mps_cores.assign(np.broadcast_to([np.eye(BOND), np.eye(BOND) * 0], (6, 2, BOND, BOND)))
    x = np.zeros((3, 6), "float32") if feature_map == "trig" else values(3, 6)
    _, projection, bias = weights_of(layer)
    assert_accurate(outputs(layer, x), np.broadcast_to(projection.sum(axis=0) + bias, (3, OUTPUTS)))


def test_a_product_with_zero_leaves_the_bias():
    layer, x = make(6, "product"), values(3, 6)
    x[:, 2] = 0
    y, (gradient, *_) = step(layer, x, values(3, OUTPUTS))
    np.testing.assert_array_equal(y, np.broadcast_to(numpy(layer.bias.value), (3, OUTPUTS)))
    np.testing.assert_array_equal(gradient != 0, np.broadcast_to(np.arange(6) == 2, (3, 6)))


def test_matrices_of_one_number_are_a_product_of_straight_lines():
    layer, x = make(6, "linear", bond=1, use_bias=False), values(3, 6)
    cores, projection = weights_of(layer)
    lines = np.prod(cores[:, 0, 0, 0] + x * cores[:, 1, 0, 0], axis=1)
    assert_accurate(outputs(layer, x), lines[:, None] * projection)


@each_map
def test_hundreds_of_features_neither_vanish_nor_overflow(feature_map):
    """The first in one compiled graph."""
    layer = MPSLayer(OUTPUTS, 4, feature_map=feature_map)
    layer.build((None, 784))
    x = np.random.default_rng(0).uniform(size=(2, 784)).astype("float32")
    if feature_map == "product":
        x /= np.exp(np.mean(np.log(x), axis=1, keepdims=True))
    y, gradients = step(layer, x, values(2, OUTPUTS), jit=feature_map == "linear")
    # As a float32 vector times one matrix after the other errs too.
    assert_accurate(y, expected(layer, x), units=512)
    assert np.abs(y).max() > 1e-3
    for gradient in gradients:
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient)


@pytest.mark.parametrize("feature_map", ["linear", "product"])
def test_what_is_in_between_may_leave_the_range_of_float32(feature_map):
    """The first half of the matrices multiplies to 1e60, the second half to 1e-60."""
    layer = MPSLayer(OUTPUTS, 4, feature_map=feature_map)
    layer.build((None, 120))
    sizes = np.where(np.arange(120) < 60, 10, 0.1)
    cores = numpy(layer.mps_cores.value)
    layer.mps_cores.assign(cores * sizes.reshape(-1, *(1,) * (cores.ndim - 1)))
    x = np.random.default_rng(0).uniform(0.9, 1.1, size=(2, 120)).astype("float32")
    assert_accurate(outputs(layer, x), expected(layer, x), units=256)


@pytest.mark.parametrize(
    ("feature_map", "start"), [("linear", [np.eye(8), np.zeros((8, 8))]), ("trig", [np.eye(8), 0.6 * np.eye(8)])]
)
def test_initial_weights(feature_map, start):
    layer = MPSLayer(3, 8, feature_map=feature_map)
    layer.build((None, 50))
    cores, projection, bias = weights_of(layer)
    noise = cores - start
    assert noise.std() == pytest.approx(0.5 / np.sqrt(50 * 8), rel=0.05)
    assert noise[:, 0].std() == pytest.approx(noise[:, 1].std(), rel=0.1)
    assert 0.8 * np.sqrt(6 / 11) < np.abs(projection).max() <= np.sqrt(6 / 11)
    assert not bias.any()


def test_initial_weights_of_the_product():
    layer = MPSLayer(3, 8, feature_map="product")
    layer.build((None, 50))
    noise = weights_of(layer)[0] - np.eye(8)
    assert noise.shape == (50, 8, 8)
    assert noise.std() == pytest.approx(0.5 / np.sqrt(50 * 8), rel=0.05)


def test_regularizers():
    regularizers = {"kernel_regularizer": keras.regularizers.L2(0.1), "bias_regularizer": keras.regularizers.L1(0.2)}
    layer = make(4, "linear", **regularizers)
    cores, projection, bias = weights_of(layer)
    loss = 0.1 * np.sum(cores**2) + 0.1 * np.sum(projection**2) + 0.2 * np.sum(np.abs(bias))
    assert float(numpy(sum(layer.losses))) == pytest.approx(loss, rel=1e-5)


@each_map
def test_what_is_not_finite_stays_in_its_sample(feature_map):
    layer, x = make(6, feature_map), values(3, 6)
    x[0, 1], x[1, 4] = np.nan, np.inf
    found = outputs(layer, x)
    assert not np.isfinite(found[:2]).any()
    assert_accurate(found[2:], expected(layer, x[2:]), units=16)


@each_map
def test_empty_batch(feature_map):
    assert outputs(make(6, feature_map), np.zeros((0, 6), "float32")).shape == (0, OUTPUTS)


def test_low_precision_is_lost_only_at_the_end():
    layer = MPSLayer(1, 4, dtype="mixed_bfloat16")
    layer.build((None, 200))
    x = rounded(0.1 * values(8, 200), "bfloat16")
    assert_accurate(output(layer, keras.ops.cast(x, "bfloat16")), expected(layer, x), units=0.51, unit=BFLOAT16_UNIT)
