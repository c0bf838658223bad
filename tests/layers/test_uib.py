import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import UIB
from tests.oracles.convolution import universal_inverted_bottleneck

CHANNELS = 4
CASES = [("IB", 1), ("IB", 2), ("ConvNext", 1), ("ConvNext", 2), ("ExtraDW", 1), ("ExtraDW", 2), ("FFN", 1)]


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 7, 6, CHANNELS)).astype("float32")


def make(filters=6, **arguments):
    layer = UIB(filters, 3, **arguments)
    layer.build((None, 7, 6, CHANNELS))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        positive = weight.name == "moving_variance"
        weight.assign(random.uniform(0.5, 2, weight.shape) if positive else random.normal(size=weight.shape))
    return layer


def part(layer, name):
    if getattr(layer, name) is None:
        return None
    norm = getattr(layer, f"{name}_norm")
    vectors = norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance
    return numpy(getattr(layer, name).kernel).astype("float64"), [numpy(v).astype("float64") for v in vectors]


@pytest.mark.parametrize("filters", [4, 6])
@pytest.mark.parametrize(("block_type", "stride"), CASES)
def test_formula(x, block_type, stride, filters):
    layer = make(filters, block_type=block_type, stride=stride)
    parts = [part(layer, name) for name in ("start", "expand", "middle", "project")]
    expected = universal_inverted_bottleneck(x.astype("float64"), *parts, stride=stride)
    found = numpy(layer(x))
    assert found.shape == layer.compute_output_shape(x.shape) == (2, -(-7 // stride), -(-6 // stride), filters)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("block_type", "depthwise"), [("IB", [12]), ("ConvNext", [4]), ("ExtraDW", [4, 12]), ("FFN", [])]
)
def test_number_of_weights(block_type, depthwise):
    """The middle is three times as wide as the input; each convolution has the four vectors of its normalization."""
    pointwise = CHANNELS * 12 + 4 * 12 + 12 * 6 + 4 * 6
    layer = make(block_type=block_type, kernel_size=5)
    assert layer.count_params() == pointwise + sum(25 * width + 4 * width for width in depthwise)


@pytest.mark.parametrize(("filters", "stride", "residual"), [(4, 1, True), (6, 1, False), (4, 2, False)])
def test_residual_where_the_shape_stays(x, filters, stride, residual):
    layer = make(filters, stride=stride)
    layer.project_norm.gamma.assign(np.zeros(filters))
    layer.project_norm.beta.assign(np.zeros(filters))
    y = numpy(layer(x))
    np.testing.assert_array_equal(y, x if residual else np.zeros_like(y))


def test_training_normalizes_each_batch(x):
    layer = make()
    before = numpy(layer.project_norm.moving_mean).copy()
    y = numpy(layer(x, training=True))
    gamma, beta = numpy(layer.project_norm.gamma), numpy(layer.project_norm.beta)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), beta, rtol=0, atol=1e-4)
    np.testing.assert_allclose(y.std(axis=(0, 1, 2)), np.abs(gamma), rtol=1e-2)
    assert np.all(numpy(layer.project_norm.moving_mean) != before)
