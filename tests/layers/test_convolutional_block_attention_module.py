import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import ConvolutionalBlockAttentionModule
from tests.oracles.image_attention import convolutional_block_attention

CHANNELS = 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 7, 6, CHANNELS)).astype("float32")


def make(**arguments):
    layer = ConvolutionalBlockAttentionModule(CHANNELS, 2, kernel_size=3, **arguments)
    layer.build((None, None, None, CHANNELS))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return layer


def test_formula(x):
    layer = make()
    parts = [list(map(numpy, part.weights)) for part in (layer.channel_attention, layer.spatial_attention)]
    expected = convolutional_block_attention(x, *parts)
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=0, atol=5e-6)


def test_zero_weights_give_a_quarter(x):
    layer = make()
    layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
    np.testing.assert_allclose(numpy(layer(x)), 0.25 * x, rtol=1e-6)


def test_nothing_is_amplified(x):
    assert np.all(np.abs(numpy(make()(x))) <= np.abs(x))


def test_each_half_has_its_initializer_and_regularizer(x):
    layer = ConvolutionalBlockAttentionModule(
        CHANNELS,
        2,
        channel_kernel_initializer="ones",
        spatial_kernel_initializer=keras.initializers.Constant(2.0),
        channel_kernel_regularizer=keras.regularizers.L1(0.5),
        spatial_kernel_regularizer=keras.regularizers.L1(0.25),
    )
    layer(x)
    found = [float(numpy(loss)) for loss in layer.losses]
    np.testing.assert_allclose(found, [9.0, 9.0, 0.25 * 2.0 * 7 * 7 * 2], rtol=1e-6)


def test_number_of_weights():
    assert make().count_params() == 2 * CHANNELS * 3 + 3 * 3 * 2 + 1
