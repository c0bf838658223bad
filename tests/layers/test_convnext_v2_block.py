import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import ConvNeXtV1Block, ConvNeXtV2Block
from tests.oracles.convolution import convnext_branch

CHANNELS, FILTERS = 4, 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 7, 6, CHANNELS)).astype("float32")


def parts(layer):
    return [layer.depthwise, layer.norm, layer.expand, layer.project]


def make(**arguments):
    layer = ConvNeXtV2Block(FILTERS, 3, **arguments)
    layer.build((None, 7, 6, CHANNELS))
    random = np.random.default_rng(1)
    for part in parts(layer):
        part.set_weights([random.normal(scale=0.5, size=weight.shape) for weight in part.weights])
    return layer


@pytest.mark.parametrize("stride", [1, 2])
def test_formula(x, stride):
    layer = make(strides=stride)
    response = np.random.default_rng(2).normal(size=(2, 4 * FILTERS))
    layer.grn.gamma.assign(response[0])
    layer.grn.beta.assign(response[1])
    weights = [[numpy(w).astype("float64") for w in part.weights] for part in parts(layer)]
    expected = convnext_branch(x.astype("float64"), weights, stride=stride, response=response)
    found = numpy(layer(x))
    assert found.shape == layer.compute_output_shape(x.shape) == (2, -(-7 // stride), -(-6 // stride), FILTERS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


def test_starts_as_version_one_without_layer_scale(x):
    layer = make()
    first = ConvNeXtV1Block(FILTERS, 3, gamma_initializer="ones")
    first.build((None, 7, 6, CHANNELS))
    for ours, theirs in zip(parts(layer), parts(first), strict=True):
        theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(numpy(layer(x)), numpy(first(x)), rtol=0, atol=1e-6)


def test_dropout_acts_behind_the_normalization():
    """What is dropped must not change the response of the other channels."""
    x = np.random.default_rng(3).standard_normal((64, 3, 3, CHANNELS)).astype("float32")
    layer = make(dropout_rate=0.5, seed=0)
    layer.grn.gamma.assign(np.ones(4 * FILTERS))
    kernel = np.zeros((4 * FILTERS, FILTERS))
    kernel[0] = 1.0
    layer.project.kernel.assign(kernel)
    layer.project.bias.assign(np.zeros(FILTERS))
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    dropped = np.all(y == 0, axis=-1)
    assert 0.3 < dropped.mean() < 0.7
    np.testing.assert_allclose(y[~dropped], kept[~dropped], rtol=0, atol=1e-5)


def test_number_of_weights():
    hidden = 4 * FILTERS
    kernels = 9 * CHANNELS + CHANNELS * hidden + hidden * FILTERS
    assert make().count_params() == kernels + CHANNELS + 2 * CHANNELS + hidden + FILTERS + 2 * hidden


def test_strides_may_be_a_pair(x):
    one, two = make(strides=2), make(strides=(2, 2))
    assert two.compute_output_shape(x.shape) == (2, 4, 3, FILTERS)
    np.testing.assert_array_equal(numpy(two(x)), numpy(one(x)))
