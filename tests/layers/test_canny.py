import keras
import numpy as np
import pytest
from keras import ops
from scipy import ndimage
from skimage import data
from skimage.feature import canny

from dl_techniques.layers import Canny
from dl_techniques.layers.image._hysteresis import track
from tests._frameworks import double_precision, value_and_gradients
from tests.oracles.compare import as_float32, quick_output
from tests.oracles.image import blobs

THRESHOLDS = {"threshold_min": 10, "threshold_max": 25}


def edges(x, **arguments):
    found = quick_output(Canny(**arguments), x)
    assert set(np.unique(found)) <= {0, 1}
    return found.astype(bool)


def expected_edges(x, sigma=0.8, threshold_min=50, threshold_max=80):
    images = [canny(image[..., 0].astype("float64"), sigma, threshold_min, threshold_max) for image in x]
    return np.array(images)[..., None]


def assert_same_edges(found, expected):
    assert expected.any()
    assert np.sum(found != expected) <= 1e-3 * np.sum(expected)


@pytest.mark.parametrize(
    "arguments", [{}, {"sigma": 1.6, **THRESHOLDS}, {"sigma": 2.3, "threshold_min": 5, "threshold_max": 5}], ids=str
)
def test_same_as_scikit_image(arguments):
    x = blobs(64, number=2)
    assert_same_edges(edges(x, **arguments), expected_edges(x, **arguments))


def test_same_as_scikit_image_on_a_photograph():
    x = data.camera()[None, 50:306, 100:356, None].astype("float32")
    assert_same_edges(edges(x, sigma=1.0), expected_edges(x, 1.0))


def test_in_float64_no_pixel_differs():
    x = blobs(48, seed=1).astype("float64")
    with double_precision():
        found = quick_output(Canny(**THRESHOLDS, dtype="float64"), x)
    assert found.dtype == "float64"
    np.testing.assert_array_equal(found, expected_edges(x, **THRESHOLDS))


def grown(weak, strong, window, iterations):
    """Without limit where `iterations` is None."""
    neighbours = np.ones((window, window))
    return np.array(
        [
            ndimage.binary_dilation(s, neighbours, iterations=iterations or -1, mask=w)
            for w, s in zip(weak, strong, strict=True)
        ]
    )


def tracked(weak, strong, window, iterations):
    weak, strong = ops.convert_to_tensor(weak[:, None]), ops.convert_to_tensor(strong[:, None])
    return ops.convert_to_numpy(track(weak, strong, window, iterations))[:, 0]


@pytest.mark.parametrize(("window", "limits"), [(1, [None]), (3, [None, 1, 8, 19, 10**6]), (5, [None, 3])])
def test_tracking_is_dilation_within_a_mask(window, limits):
    random = np.random.default_rng(window)
    # Near the share of pixels from which on they are connected across the image.
    weak = random.random((4, 37, 40)) < (0.5 if window == 1 else 3.7 / (window**2 - 1))
    strong = weak & (random.random(weak.shape) < 0.005)
    for iterations in limits:
        expected = grown(weak, strong, window, iterations)
        np.testing.assert_array_equal(tracked(weak, strong, window, iterations), expected)


def spiral(size):
    """A line one pixel wide from a corner to the centre, beside gaps one pixel wide."""
    line = np.zeros((size, size), bool)
    place, step = np.array([0, 0]), np.array([0, 1])
    for length in (size - 1, *np.repeat(range(size - 1, 0, -2), 2)):
        for _ in range(length):
            line[tuple(place)] = True
            place += step
        step = np.array([step[1], -step[0]])
    return line


def serpentine(size):
    line = np.zeros((size, size), bool)
    line[::2] = True
    line[1::4, -1] = line[3::4, 0] = True
    return line


def comb(size):
    """Many lines that only one pixel row connects."""
    line = np.zeros((size, size), bool)
    line[:, ::2] = True
    line[-1] = True
    return line


@pytest.mark.parametrize("shape", [spiral, serpentine, comb])
def test_tracking_follows_an_edge_to_its_end(shape):
    line = shape(33)
    strong = np.zeros((4, *line.shape), bool)
    weak = np.array([line, line[::-1], line.T, line])
    for image, places in enumerate(np.argwhere(w)[-1 if i % 2 else 0] for i, w in enumerate(weak[:3])):
        strong[image][tuple(places)] = True
    found = tracked(weak, strong, 3, None)
    np.testing.assert_array_equal(found, grown(weak, strong, 3, None))
    np.testing.assert_array_equal(found[0], line)
    assert not found[3].any()


def test_a_constant_image_has_no_edges():
    assert not edges(np.full((1, 16, 16, 1), 200, "float32"), threshold_min=0, threshold_max=0.1).any()


def test_a_brighter_image_has_the_same_edges():
    x = blobs(48) / 2
    dark, bright = edges(np.concatenate([x, x + 100]), **THRESHOLDS)
    assert_same_edges(bright, dark)


def test_images_and_channels_do_not_see_each_other():
    x = blobs(32, number=6)
    together = x.reshape(2, 3, 32, 32).transpose(0, 2, 3, 1)
    found = edges(together, **THRESHOLDS).transpose(0, 3, 1, 2).reshape(x.shape)
    np.testing.assert_array_equal(found, edges(x, **THRESHOLDS))
    np.testing.assert_array_equal(found[4:5], edges(x[4:5], **THRESHOLDS))


def test_a_step_is_a_line_one_pixel_wide():
    x = np.zeros((1, 15, 15, 1), "float32")
    x[:, :, 7], x[:, :, 8:] = 90, 200
    across, along = edges(np.concatenate([x, x.transpose(0, 2, 1, 3)]))[..., 0]
    np.testing.assert_array_equal(np.argwhere(across[1:-1]), [(row, 7) for row in range(13)])
    np.testing.assert_array_equal(along, across.T)


def test_weak_edges_alone_vanish():
    x = np.zeros((1, 12, 30, 1), "float32")
    x[:, :, 7:20] = 20
    x[:, :, 20:] = 255
    found = edges(x, threshold_min=10, threshold_max=300)
    assert found[0, 5, 17:23].any()
    assert not found[0, :, :15].any()
    assert edges(x, threshold_min=10, threshold_max=30)[0, 5, :15].any()


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 2, 5, 3), (0, 6, 7, 1)])
def test_images_without_an_inside_have_no_edges(shape):
    x = 100 * np.random.default_rng(0).random(shape).astype("float32")
    found = edges(x, threshold_min=0, threshold_max=0)
    assert found.shape == shape
    assert not found.any()


def test_a_pixel_that_is_no_number_spoils_its_neighbourhood_only():
    x = np.repeat(blobs(48), 4, axis=0)
    x[1:, 10, 10, 0] = np.nan, np.inf, 1e30
    expected, *spoiled = edges(x, **THRESHOLDS, tracking_iterations=5)
    for found in spoiled:
        np.testing.assert_array_equal(found[22:], expected[22:])
    for found in spoiled[:2]:
        assert not found[7:14, 7:14].any()


@pytest.mark.parametrize("iterations", [None, 11])
def test_compiles_as_one_graph(iterations):
    layer, x = Canny(**THRESHOLDS, tracking_iterations=iterations), blobs(20, number=2)
    layer.build(x.shape)
    expected = edges(x, **THRESHOLDS, tracking_iterations=iterations)
    # Beside the image, as an output alone has no gradient to ask for.
    beside = keras.layers.Lambda(lambda images: layer.call(images) + images)
    (found,), (gradient,) = value_and_gradients(beside, [x], [x], training=False, jit=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(found), expected + x)
    np.testing.assert_array_equal(ops.convert_to_numpy(gradient), x)


def test_low_precision_sees_the_image_as_it_is():
    x = blobs(32)
    layer = Canny(**THRESHOLDS, dtype="mixed_bfloat16")
    found = quick_output(as_float32(layer, x.shape), x)
    assert layer.compute_dtype == "bfloat16"
    np.testing.assert_array_equal(found, edges(x, **THRESHOLDS))
