import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import SpatialAttention
from tests.oracles.image_attention import spatial_attention


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 7, 6, 3)).astype("float32")


def make(kernel_size=3, **arguments):
    layer = SpatialAttention(kernel_size, **arguments)
    layer.build((None, None, None, 3))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return layer


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("kernel_size", [1, 3, 7, 9])
def test_formula(x, kernel_size, use_bias):
    layer = make(kernel_size, use_bias=use_bias)
    expected = spatial_attention(x, *map(numpy, layer.convolution.weights))
    found = numpy(layer(x))
    assert found.shape == (2, 7, 6, 1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-6)


def test_zero_kernel_gives_one_half(x):
    layer = SpatialAttention(kernel_initializer="zeros")
    np.testing.assert_array_equal(numpy(layer(x)), 0.5)


def test_a_shifted_image_shifts_the_weights(x):
    layer = make()
    found, shifted = numpy(layer(x)), numpy(layer(np.roll(x, (1, 2), axis=(1, 2))))
    np.testing.assert_allclose(shifted[:, 2:-1, 3:-1], found[:, 1:-2, 1:-3], rtol=0, atol=2e-6)


def test_the_order_of_channels_does_not_matter(x):
    layer = make()
    np.testing.assert_allclose(numpy(layer(x[..., ::-1].copy())), numpy(layer(x)), rtol=0, atol=2e-6)


def test_number_of_weights():
    assert make(7).count_params() == 7 * 7 * 2 + 1
    assert make(7, use_bias=False).count_params() == 7 * 7 * 2
