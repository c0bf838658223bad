import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy
from scipy.signal import correlate2d

from dl_techniques.layers import YOLOv12ConvBlock
from tests.layers._yolo12 import conv_weights, exact, is_depthwise, randomized
from tests.oracles.compare import assert_accurate, output, values
from tests.oracles.convolution import batch_norm
from tests.oracles.yolo12 import conv_block, identity, silu

CHANNELS = 4
X = values(2, 7, 6, CHANNELS)


def make(filters=6, kernel_size=3, **arguments):
    return randomized(YOLOv12ConvBlock(filters, kernel_size, **arguments), (None, 7, 6, CHANNELS))


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize(("filters", "groups"), [(6, 1), (6, 2), (8, 4), (4, 4)])
def test_formula(kernel_size, strides, filters, groups):
    layer = make(filters, kernel_size, strides=strides, groups=groups)
    found = output(layer, X)
    assert found.shape == layer.compute_output_shape(X.shape) == (2, -(-7 // strides), -(-6 // strides), filters)
    assert is_depthwise(layer) == (groups == filters)
    assert conv_weights(layer)[0].shape == (kernel_size, kernel_size, CHANNELS // groups, filters)
    assert_accurate(found, conv_block(X, conv_weights(layer), stride=strides))


@pytest.mark.parametrize(("activation", "oracle"), [(None, identity), ("relu", lambda x: np.maximum(x, 0))])
def test_activation(activation, oracle):
    layer = make(activation=activation)
    assert_accurate(output(layer, X), conv_block(X, conv_weights(layer), oracle))


def test_a_new_layer_is_a_scaled_convolution():
    layer = YOLOv12ConvBlock(6)
    y = output(layer, X)
    kernel = exact(layer.conv.kernel)
    ones, zeros = np.ones(6), np.zeros(6)
    plain = conv_block(X, (kernel, [ones, zeros, zeros, ones - 1e-3]), identity)
    assert_accurate(y, silu(plain / np.sqrt(1 + 1e-3)))


def test_groups_are_a_block_diagonal_kernel():
    grouped, whole = make(6, groups=2), make(6)
    kernel = np.zeros((3, 3, CHANNELS, 6))
    for group in range(2):
        into, out = slice(2 * group, 2 * group + 2), slice(3 * group, 3 * group + 3)
        kernel[:, :, into, out] = exact(grouped.conv.kernel)[..., out]
    whole.conv.kernel.assign(kernel)
    whole.norm.set_weights(grouped.norm.get_weights())
    assert_accurate(output(grouped, X), output(whole, X))


@pytest.mark.parametrize("size", [6, 7])
def test_strides_start_at_the_first_pixel(size):
    """So that they leave out pixels of the same layer without strides, whether the size is even or odd."""
    x = values(1, size, size, CHANNELS)
    every, second = make(), make(strides=2)
    assert_accurate(output(second, x), output(every, x)[:, ::2, ::2])


def test_training_normalizes_each_batch():
    layer = make(activation=None)
    layer.norm.moving_mean.assign(np.zeros(6))
    convolved = conv_block(X, (exact(layer.conv.kernel), [1.0, 0.0, 0.0, 1 - 1e-3]), identity)
    y = output(layer, X, training=True)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), numpy(layer.norm.beta), rtol=0, atol=1e-5)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), np.abs(numpy(layer.norm.gamma)), rtol=1e-2)
    np.testing.assert_allclose(numpy(layer.norm.moving_mean), 0.03 * convolved.mean(axis=(0, 1, 2)), rtol=0, atol=1e-6)


def test_unknown_height_and_width():
    layer = make(strides=2)
    inputs = keras.Input((None, None, CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, 6)
    np.testing.assert_array_equal(output(model, X), output(layer, X))


def test_number_of_weights():
    assert make().count_params() == 9 * CHANNELS * 6 + 4 * 6
    assert make(groups=2).count_params() == 9 * CHANNELS // 2 * 6 + 4 * 6
    assert make(4, groups=4).count_params() == 9 * 4 + 4 * 4


@pytest.mark.parametrize(("filters", "groups"), [(6, 1), (6, 2), (4, 4)])
def test_regularizer_acts_on_the_kernel(filters, groups):
    layer = make(filters, groups=groups, kernel_regularizer=keras.regularizers.L2(0.1))
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), 0.1 * np.sum(exact(layer.conv.kernel) ** 2), rtol=1e-5)


def padded_and_cut(layer, margins):
    """By SciPy's correlation of an image that has its zeros."""
    kernel, norm = conv_weights(layer)
    y = np.pad(X.astype("float64"), ((0, 0), *((margin, margin) for margin in margins), (0, 0)))
    maps = [
        sum(correlate2d(image[..., c], kernel[..., c, f], mode="valid") for c in range(CHANNELS))
        for image in y
        for f in range(kernel.shape[-1])
    ]
    y = np.reshape(maps, (len(X), -1, *maps[0].shape)).transpose(0, 2, 3, 1)
    bias = exact(layer.conv.bias) if layer.use_bias else 0.0
    return silu(batch_norm(y + bias, *norm))[:, :: layer.strides, :: layer.strides]


@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize(
    ("kernel_size", "padding", "margins"),
    [
        (3, "same", (1, 1)),
        (3, "valid", (0, 0)),
        (3, 0, (0, 0)),
        (3, 1, (1, 1)),
        (3, 2, (2, 2)),
        ((3, 5), "same", (1, 2)),
        ((2, 4), (1, 0), (1, 0)),
    ],
)
def test_padding(kernel_size, padding, margins, strides):
    layer = make(kernel_size=kernel_size, padding=padding, strides=strides, use_bias=True)
    expected = padded_and_cut(layer, margins)
    assert layer.compute_output_shape(X.shape) == expected.shape
    assert_accurate(output(layer, X), expected)


def test_pairs_are_two_equal_sizes():
    one, two = make(strides=2), make(kernel_size=(3, 3), strides=(2, 2))
    np.testing.assert_array_equal(output(two, X), output(one, X))


@pytest.mark.parametrize(("filters", "groups"), [(6, 1), (6, 2), (4, 4)])
def test_folded_normalization(filters, groups):
    """As Ultralytics fuses its models: then the convolution needs a bias."""
    layer, folded = make(filters, groups=groups), make(filters, groups=groups, use_bias=True)
    gain, offset, mean, variance = map(exact, layer.norm.weights)
    scale = gain / np.sqrt(variance + 1e-3)
    kernel = exact(layer.conv.kernel)
    folded.conv.kernel.assign(kernel * (scale[:, None] if is_depthwise(layer) else scale))
    folded.conv.bias.assign(offset - mean * scale)
    ones, zeros = np.ones(filters), np.zeros(filters)
    folded.norm.set_weights([ones, zeros, zeros, ones - 1e-3])
    assert_accurate(output(folded, X), output(layer, X), units=16)
