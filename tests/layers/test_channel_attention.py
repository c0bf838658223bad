import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import ChannelAttention
from tests.oracles.image_attention import channel_attention, sigmoid

CHANNELS = 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 5, 4, CHANNELS)).astype("float32")


def make(**arguments):
    layer = ChannelAttention(CHANNELS, 2, **arguments)
    layer.build((None, None, None, CHANNELS))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


@pytest.mark.parametrize("use_bias", [False, True])
def test_formula(x, use_bias):
    layer = make(use_bias=use_bias)
    biases = [numpy(layer.reduce.bias), numpy(layer.expand.bias)] if use_bias else []
    expected = channel_attention(x, numpy(layer.reduce.kernel), numpy(layer.expand.kernel), *biases)
    found = numpy(layer(x))
    assert found.shape == (2, 1, 1, CHANNELS)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_zero_kernels_give_one_half(x):
    layer = ChannelAttention(CHANNELS, 2, kernel_initializer="zeros")
    np.testing.assert_array_equal(numpy(layer(x)), 0.5)


def test_mean_and_maximum_of_a_constant_image_count_alike():
    layer = make()
    color = np.random.default_rng(2).standard_normal((3, 1, 1, CHANNELS)).astype("float32")
    hidden = np.maximum(color @ numpy(layer.reduce.kernel), 0) @ numpy(layer.expand.kernel)
    found = numpy(layer(np.tile(color, (1, 4, 3, 1))))
    np.testing.assert_allclose(found, sigmoid(2 * hidden), rtol=0, atol=2e-6)


def test_the_order_of_pixels_does_not_matter(x):
    layer = make()
    shuffled = np.random.default_rng(3).permutation(x.reshape(2, -1, CHANNELS), axis=1).reshape(x.shape)
    np.testing.assert_allclose(numpy(layer(shuffled)), numpy(layer(x)), rtol=0, atol=2e-6)


def test_number_of_weights():
    assert make().count_params() == 2 * CHANNELS * 3
    assert make(use_bias=True).count_params() == 2 * CHANNELS * 3 + 3 + CHANNELS
    layer = ChannelAttention(7, 2)
    layer.build((None, 4, 4, 7))
    assert layer.reduce.kernel.shape == (7, 3)
