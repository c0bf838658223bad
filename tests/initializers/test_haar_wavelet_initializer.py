import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.initializers import HaarWaveletInitializer, create_haar_depthwise_conv2d
from tests.oracles.compare import assert_accurate, output, values

# Low pass and high pass of one dimension; in two, a filter is the product of one for rows and one for columns.
LOW, HIGH = np.array([1, 1]) / np.sqrt(2), np.array([1, -1]) / np.sqrt(2)
OUTER = [np.outer(rows, columns) for rows in (LOW, HIGH) for columns in (LOW, HIGH)]


def drawn(shape, **arguments):
    return ops.convert_to_numpy(HaarWaveletInitializer(**arguments)(shape))


def coefficients(x):
    """The transform as a product with an orthogonal matrix from both sides, blocks in the order LL, LH, HL, HH."""
    height, width = x.shape[1:3]
    rows, columns = (np.kron(np.eye(size // 2), np.stack([LOW, HIGH])) for size in (height, width))
    y = np.einsum("ih,bhwc,jw->bijc", rows, x, columns)
    return np.stack([y[:, i::2, j::2] for i in (0, 1) for j in (0, 1)], axis=-1)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_every_channel_gets_the_four_filters(scale):
    kernel = drawn((2, 2, 3, 4), scale=scale)
    for channel in range(3):
        for j in range(4):
            np.testing.assert_allclose(kernel[:, :, channel, j], scale * OUTER[j], rtol=1e-6)


@pytest.mark.parametrize("multiplier", [1, 3, 6])
def test_other_multipliers_leave_filters_out_or_repeat_them(multiplier):
    kernel = drawn((2, 2, 2, multiplier))
    for j in range(multiplier):
        np.testing.assert_array_equal(kernel[..., j], drawn((2, 2, 2, 4))[..., j % 4])


def test_the_filters_are_orthonormal():
    filters = drawn((2, 2, 1, 4)).reshape(4, 4)
    np.testing.assert_array_equal(filters.T @ filters, np.eye(4))


def test_the_layer_is_the_wavelet_transform_and_keeps_the_energy():
    x = values(2, 6, 8, 3)
    y = output(create_haar_depthwise_conv2d((6, 8, 3)), x)
    assert y.shape == (2, 3, 4, 12)
    assert_accurate(y.reshape(2, 3, 4, 3, 4), coefficients(x.astype("float64")))
    np.testing.assert_allclose(np.sum(y**2), np.sum(x**2), rtol=1e-5)


def test_the_transposed_convolution_gives_the_image_back():
    x = values(2, 6, 8, 1)
    layer = create_haar_depthwise_conv2d((6, 8, 1))
    back = ops.conv_transpose(layer(ops.convert_to_tensor(x)), layer.kernel, strides=2, padding="valid")
    assert_accurate(ops.convert_to_numpy(back), x)


def test_a_constant_image_has_no_details():
    y = output(create_haar_depthwise_conv2d((4, 4, 2)), np.ones((1, 4, 4, 2), "float32"))
    np.testing.assert_array_equal(y, np.broadcast_to([2, 0, 0, 0, 2, 0, 0, 0], y.shape))


def test_odd_sizes_lose_their_last_row_and_column():
    assert output(create_haar_depthwise_conv2d((5, 7, 2)), values(1, 5, 7, 2)).shape == (1, 2, 3, 8)


@pytest.mark.parametrize("trainable", [False, True])
def test_the_arguments_of_the_layer(trainable):
    layer = create_haar_depthwise_conv2d(
        (4, 4, 2), scale=2.0, use_bias=True, kernel_regularizer="l2", trainable=trainable, name="given"
    )
    assert [weight.shape for weight in layer.weights] == [(2, 2, 2, 4), (8,)]
    assert len(layer.trainable_weights) == (2 if trainable else 0)
    assert isinstance(layer.depthwise_regularizer, keras.regularizers.L2)
    assert layer.name == "given"
    assert float(ops.convert_to_numpy(layer.kernel)[0, 0, 0, 0]) == 1
    assert create_haar_depthwise_conv2d((4, 4, 2)).name == "haar_dwconv"


def test_the_layer_can_be_saved(tmp_path):
    model = keras.Sequential([keras.Input((4, 4, 2)), create_haar_depthwise_conv2d((4, 4, 2))])
    model.save(tmp_path / "model.keras")
    x = values(1, 4, 4, 2)
    np.testing.assert_array_equal(output(keras.saving.load_model(tmp_path / "model.keras"), x), output(model, x))


def test_fixed_filters_that_are_not_four_are_warned_of():
    with pytest.warns(UserWarning, match=r"four\. Received: channel_multiplier=3"):
        create_haar_depthwise_conv2d((4, 4, 2), 3)
    create_haar_depthwise_conv2d((4, 4, 2), 3, trainable=True)


@pytest.mark.parametrize(
    ("input_shape", "options", "shown"),
    [
        ((4, 4), {}, r"input_shape=\(4, 4\)"),
        ((None, 4, 4, 2), {}, r"input_shape=\(None, 4, 4, 2\)"),
        ((4, 4, 2), {"channel_multiplier": 0}, "channel_multiplier=0"),
        ((4, 4, 2), {"scale": -1.0}, "scale=-1.0"),
    ],
)
def test_bad_arguments_of_the_layer_are_shown(input_shape, options, shown):
    with pytest.raises(ValueError, match=f"Received: {shown}"):
        create_haar_depthwise_conv2d(input_shape, **{"trainable": True, **options})
