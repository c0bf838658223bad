import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import ConvNeXtV1Block
from tests.oracles.convolution import convnext_branch

CHANNELS, FILTERS = 4, 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 7, 6, CHANNELS)).astype("float32")


def make(filters=FILTERS, kernel_size=3, **arguments):
    layer = ConvNeXtV1Block(filters, kernel_size, **arguments)
    layer.build((None, 7, 6, CHANNELS))
    random = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return layer


def expected(layer, x, stride=1):
    parts = [layer.depthwise, layer.norm, layer.expand, layer.project]
    weights = [[numpy(w).astype("float64") for w in part.weights] for part in parts]
    return numpy(layer.layer_scale.gamma) * convnext_branch(x.astype("float64"), weights, stride=stride)


@pytest.mark.parametrize("kernel_size", [3, 7, (2, 5)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_formula(x, kernel_size, stride):
    layer = make(kernel_size=kernel_size, strides=stride)
    found = numpy(layer(x))
    assert found.shape == layer.compute_output_shape(x.shape) == (2, -(-7 // stride), -(-6 // stride), FILTERS)
    np.testing.assert_allclose(found, expected(layer, x, stride), rtol=0, atol=2e-5)


def test_gamma_zero_gives_zero(x):
    assert not numpy(ConvNeXtV1Block(FILTERS, gamma_initializer="zeros")(x)).any()


def test_gamma_may_be_negative():
    assert make().layer_scale.gamma.constraint is None


def test_there_is_no_residual(x):
    layer = make(filters=CHANNELS)
    layer.project.kernel.assign(np.zeros((4 * CHANNELS, CHANNELS)))
    layer.project.bias.assign(np.zeros(CHANNELS))
    assert not numpy(layer(x)).any()


def only_first_hidden_channel(**arguments):
    layer = make(**arguments)
    kernel = np.zeros((4 * FILTERS, FILTERS))
    kernel[0] = 1.0
    layer.project.kernel.assign(kernel)
    layer.project.bias.assign(np.zeros(FILTERS))
    return layer


@pytest.mark.parametrize("kind", ["dropout_rate", "spatial_dropout_rate"])
def test_dropouts_act_between_the_pointwise_layers(kind):
    x = np.random.default_rng(2).standard_normal((64, 3, 3, CHANNELS)).astype("float32")
    layer = only_first_hidden_channel(**{kind: 0.5}, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    dropped = np.all(y == 0, axis=-1)
    np.testing.assert_allclose(y[~dropped], kept[~dropped], rtol=0, atol=1e-5)
    assert 0.3 < dropped.mean() < 0.7
    whole_images = {0, 9} >= set(dropped.sum(axis=(1, 2)).tolist())
    assert whole_images == (kind == "spatial_dropout_rate")


def test_number_of_weights():
    hidden = 4 * FILTERS
    kernels = 9 * CHANNELS + CHANNELS * hidden + hidden * FILTERS
    assert make().count_params() == kernels + CHANNELS + 2 * CHANNELS + hidden + FILTERS + FILTERS
    assert make(use_bias=False).count_params() == kernels + CHANNELS + FILTERS


def test_regularizer_acts_on_the_three_kernels(x):
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1))
    kernels = layer.depthwise.kernel, layer.expand.kernel, layer.project.kernel
    layer(x)
    loss = 0.1 * sum(np.sum(numpy(kernel) ** 2) for kernel in kernels)
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), loss, rtol=1e-5)


def test_strides_may_be_a_pair(x):
    one, two = make(strides=2), make(strides=(2, 2))
    assert two.compute_output_shape(x.shape) == (2, 4, 3, FILTERS)
    np.testing.assert_array_equal(numpy(two(x)), numpy(one(x)))
