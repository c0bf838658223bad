import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import ConvolutionalBlockAttentionModule
from tests.oracles.channels_first import convolution
from tests.oracles.image_attention import convolutional_block_attention, sigmoid

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
    assert make(channel_use_bias=True, spatial_use_bias=False).count_params() == 2 * CHANNELS * 3 + 3 + CHANNELS + 18


def published(random, hidden=3, size=7):
    """Random weights of the authors' code: linear layers with biases, a filter without one and its normalization."""
    return {
        "mlp.1.weight": random.normal(size=(hidden, CHANNELS)),
        "mlp.1.bias": random.normal(size=hidden),
        "mlp.3.weight": random.normal(size=(CHANNELS, hidden)),
        "mlp.3.bias": random.normal(size=CHANNELS),
        "spatial.conv.weight": random.normal(scale=0.2, size=(1, 2, size, size)),
        "spatial.bn": (*random.normal(size=3), random.uniform(0.5, 2)),
    }


def authors(x, weights):
    """Channels first. Of each pixel the maximum comes before the mean."""
    x = x.astype("float64").transpose(0, 3, 1, 2)

    def network(y):
        hidden = np.maximum(y @ weights["mlp.1.weight"].T + weights["mlp.1.bias"], 0)
        return hidden @ weights["mlp.3.weight"].T + weights["mlp.3.bias"]

    x = x * sigmoid(network(x.mean(axis=(2, 3))) + network(x.max(axis=(2, 3))))[:, :, None, None]
    both = np.stack([x.max(axis=1), x.mean(axis=1)], axis=1)
    gain, offset, mean, variance = weights["spatial.bn"]
    scores = (convolution(both, weights["spatial.conv.weight"]) - mean) / np.sqrt(variance + 1e-5) * gain + offset
    return (x * sigmoid(scores)).transpose(0, 2, 3, 1)


def test_weights_of_the_authors(x):
    weights = published(np.random.default_rng(2))
    layer = ConvolutionalBlockAttentionModule(CHANNELS, 2, channel_use_bias=True)
    layer.build(x.shape)
    channel, spatial = layer.channel_attention, layer.spatial_attention
    channel.reduce.set_weights([weights["mlp.1.weight"].T, weights["mlp.1.bias"]])
    channel.expand.set_weights([weights["mlp.3.weight"].T, weights["mlp.3.bias"]])
    gain, offset, mean, variance = weights["spatial.bn"]
    scale = gain / np.sqrt(variance + 1e-5)
    kernel = weights["spatial.conv.weight"][0, ::-1].transpose(1, 2, 0)[..., None]
    spatial.convolution.set_weights([scale * kernel, np.reshape(offset - mean * scale, 1)])
    np.testing.assert_allclose(numpy(layer(x)), authors(x, weights), rtol=0, atol=5e-6)
