import cv2
import numpy as np
import pytest
from keras import ops
from skimage import data, exposure

from dl_techniques.layers import CLAHE
from tests._frameworks import double_precision, value_and_gradients
from tests.oracles.compare import as_float32, assert_accurate, quick_output, rounded, values
from tests.oracles.image import blobs, clahe

NO_LIMIT = 256.0


def photograph():
    image = data.camera()[200:328, 150:278].copy()
    image[0, :2] = 0, 255
    return image


def equalized(x, *arguments, **mapping):
    """The formula on each channel of each image."""
    channels = np.moveaxis(x, 3, 1).reshape(-1, *x.shape[1:3])
    found = [clahe(channel, *arguments, **mapping) for channel in channels]
    return np.moveaxis(np.reshape(found, (len(x), x.shape[3], *x.shape[1:3])), 1, 3)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 16, 24, 2), (4.0, 256, 8)),
        ((1, 13, 18, 1), (1.5, 64, 4)),
        ((1, 13, 18, 1), (NO_LIMIT, 100, 5)),
        ((1, 3, 5, 1), (2.0, 16, 8)),
        ((2, 1, 4, 1), (0.01, 256, 3)),
    ],
    ids=str,
)
def test_same_as_the_formula(shape, arguments):
    x = 250 * np.random.default_rng(1).random(shape).astype("float32") + 10
    clip_limit, n_bins, tile_size = arguments
    found = quick_output(CLAHE(clip_limit, n_bins, tile_size=tile_size), x)
    assert_accurate(found, equalized(x, *arguments))


def test_float64_is_computed_in_float64():
    x = 255 * np.random.default_rng(1).random((1, 9, 8, 1))
    with double_precision():
        found = quick_output(CLAHE(2.0, 32, tile_size=4, dtype="float64"), x)
    np.testing.assert_allclose(found, equalized(x, 2.0, 32, 4), rtol=1e-13)


def test_without_a_limit_same_as_opencv_up_to_its_rounding():
    image = photograph()
    expected = cv2.createCLAHE(NO_LIMIT, (8, 8)).apply(image)
    found = quick_output(CLAHE(NO_LIMIT), image[None, ..., None].astype("float32"))
    assert np.max(np.abs(found[0, ..., 0] - expected)) < 1


def test_close_to_opencv_which_spreads_whole_counts():
    image = photograph()
    expected = cv2.createCLAHE(4.0, (2, 2)).apply(image)
    found = quick_output(CLAHE(4.0, tile_size=64), image[None, ..., None].astype("float32"))
    difference = np.abs(found[0, ..., 0] - expected)
    assert np.mean(difference) < 1
    assert np.max(difference) < 6


@pytest.mark.parametrize(("clip_limit", "closeness"), [(NO_LIMIT, 0.9999), (4.0, 0.99)])
def test_close_to_scikit_image(clip_limit, closeness):
    image = photograph()
    expected = exposure.equalize_adapthist(image, 32, clip_limit / 256, 256) * 255
    found = quick_output(CLAHE(clip_limit, tile_size=32), image[None, ..., None].astype("float32"))[0, ..., 0]
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > closeness


def test_one_tile_without_a_limit_is_global_equalization():
    x = np.floor(blobs(16))
    frequency = [np.mean(x <= level) for level in range(256)]
    assert_accurate(quick_output(CLAHE(NO_LIMIT), x), 255 * np.array(frequency)[x.astype(int)])


@pytest.mark.parametrize("arguments", [{"clip_limit": NO_LIMIT}, {"clip_limit": 0.5, "n_bins": 7}], ids=str)
def test_brighter_pixels_of_a_tile_stay_brighter_and_none_leaves_the_range(arguments):
    x = blobs(32)[:, :16]
    y = quick_output(CLAHE(tile_size=32, **arguments), x)
    assert np.all(np.diff(y.ravel()[x.ravel().argsort()]) >= 0)
    for image in (y, quick_output(CLAHE(tile_size=5, **arguments), x)):
        assert image.min() >= 0
        assert image.max() <= 255


def test_a_constant_stays_constant():
    x = np.ones((3, 20, 19, 1), "float32") * np.array([0, 77.5, 255], "float32")[:, None, None, None]
    y = quick_output(CLAHE(tile_size=8), x)
    assert np.all(np.ptp(y, axis=(1, 2)) == 0)


def test_values_outside_count_as_the_ends():
    x = np.repeat(400 * blobs(16) / 255 - 70, 2, axis=0)
    x[:, 3, 4], x[:, 5, 6] = np.inf, -np.inf
    x[1] = np.clip(x[1], 0, 255)
    outside, inside = quick_output(CLAHE(), x)
    np.testing.assert_array_equal(outside, inside)


def test_nan_stays_nan_and_is_not_counted():
    x = np.floor(blobs(16))
    x[0, :4, :4] = np.nan
    y = quick_output(CLAHE(NO_LIMIT), x)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    frequency = [np.mean(x <= level) for level in range(256)]
    present = ~np.isnan(x)
    assert_accurate(y[present], 255 * np.array(frequency)[x[present].astype(int)])


def test_an_empty_batch():
    assert quick_output(CLAHE(), np.zeros((0, 20, 20, 3), "float32")).shape == (0, 20, 20, 3)


def test_the_mapping_starts_as_the_identity():
    x = blobs(20)
    np.testing.assert_array_equal(quick_output(CLAHE(use_mapping=True), x), quick_output(CLAHE(), x))
    assert CLAHE(use_mapping=False).weights == []


def test_the_mapping_is_a_gain_of_each_level_and_learned():
    x, cotangent = blobs(12), values(1, 12, 12, 1)
    layer = CLAHE(2.0, 16, tile_size=8, use_mapping=True)
    layer.build(x.shape)
    kernel = values(16, seed=1)
    layer.mapping_kernel.assign(kernel)
    (found,), gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=True)
    sigmoid = 1 / (1 + np.exp(-kernel.astype("float64")))
    assert_accurate(ops.convert_to_numpy(found), equalized(x, 2.0, 16, 8, gain=2 * sigmoid))

    plain = equalized(x, 2.0, 16, 8)
    level = (x // 16).astype(int)
    expected = np.array([np.sum((plain * cotangent)[level == one]) for one in range(16)])
    expected *= 2 * sigmoid * (1 - sigmoid)
    assert_accurate(ops.convert_to_numpy(gradients[1]), expected, units=28)


def test_low_precision_sees_the_image_as_it_is():
    x = blobs(20)
    layer = CLAHE(dtype="mixed_bfloat16")
    y = quick_output(as_float32(layer, x.shape), x)
    np.testing.assert_array_equal(y, rounded(quick_output(CLAHE(), x), "bfloat16"))
