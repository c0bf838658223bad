import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import UIB
from tests.oracles import channels_first, mobilenet_v4
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


# Start and middle kernel, stride and expansion: what the five models are made of.
PUBLISHED = [
    (None, 3, 1, 2),
    (None, 5, 1, 3),
    (3, None, 1, 4),
    (5, None, 1, 2),
    (3, 3, 1, 4),
    (3, 5, 1, 6),
    (5, 3, 1, 4),
    (5, 5, 1, 3),
    (3, 3, 2, 6),
    (3, 5, 2, 6),
    (5, 5, 2, 3),
    (None, None, 1, 4),
]
KINDS = {(False, False): "FFN", (False, True): "IB", (True, False): "ConvNext", (True, True): "ExtraDW"}


def published(start, middle, expansion, filters, *, has_scale):
    """Random weights of a block in timm's layout."""
    draw, wide = channels_first.Draw(3), CHANNELS * expansion
    weights = {"pw_exp": (draw.kernel(wide, CHANNELS), draw.norm(wide))}
    weights["pw_proj"] = draw.kernel(filters, wide), draw.norm(filters)
    if start:
        weights["dw_start"] = draw.kernel(CHANNELS, 1, start), draw.norm(CHANNELS)
    if middle:
        weights["dw_mid"] = draw.kernel(wide, 1, middle), draw.norm(wide)
    if has_scale:
        weights["layer_scale"] = draw.random.normal(size=filters)
    return weights


def load(layer, weights):
    names = {"dw_start": "start", "pw_exp": "expand", "dw_mid": "middle", "pw_proj": "project"}
    for theirs, ours in names.items():
        if theirs in weights:
            kernel, norm = weights[theirs]
            laid_out = channels_first.depthwise if theirs.startswith("dw") else channels_first.pointwise
            getattr(layer, ours).kernel.assign(laid_out(kernel))
            getattr(layer, f"{ours}_norm").set_weights(norm)
    if "layer_scale" in weights:
        layer.layer_scale.gamma.assign(weights["layer_scale"])


@pytest.mark.parametrize("size", [(7, 7), (8, 6)])
@pytest.mark.parametrize(("start", "middle", "stride", "expansion"), PUBLISHED)
def test_mobilenet_v4(start, middle, stride, expansion, size):
    """Kernels of two sizes, padding and epsilon of timm; layer scale, as in the hybrids, where the shape stays."""
    filters = CHANNELS if stride == 1 else 5
    weights = published(start, middle, expansion, filters, has_scale=stride == 1)
    layer = UIB(
        filters,
        expansion,
        stride=stride,
        kernel_size=middle or 3,
        start_kernel_size=start,
        block_type=KINDS[bool(start), bool(middle)],
        padding="symmetric",
        layer_scale_init_value=1e-5 if stride == 1 else None,
        norm_momentum=0.9,
        norm_epsilon=1e-5,
    )
    x = np.random.default_rng(4).standard_normal((2, *size, CHANNELS)).astype("float32")
    layer.build(x.shape)
    load(layer, weights)
    expected = mobilenet_v4.universal_inverted_bottleneck(
        x.astype("float64").transpose(0, 3, 1, 2), weights, stride=stride
    )
    found = numpy(layer(x)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_the_branch_is_dropped_or_doubled_sample_by_sample():
    x = np.random.default_rng(5).standard_normal((64, 4, 4, CHANNELS)).astype("float32")
    arguments = {"norm_momentum": 0.0, "seed": 1}
    branch = numpy(make(CHANNELS, **arguments)(x, training=True)) - x
    difference = numpy(make(CHANNELS, drop_path_rate=0.5, **arguments)(x, training=True)) - x
    dropped = np.array([not sample.any() for sample in difference])
    assert 10 < dropped.sum() < 54
    expected = np.where(dropped[:, None, None, None], 0, 2 * branch)
    np.testing.assert_allclose(difference, expected, rtol=0, atol=1e-4 * np.abs(branch).max())


def test_layer_scale_and_norms_start_as_told():
    layer = UIB(CHANNELS, layer_scale_init_value=1e-5, norm_momentum=0.75, norm_epsilon=0.5)
    x = np.random.default_rng(4).standard_normal((2, 6, 6, CHANNELS)).astype("float32")
    np.testing.assert_allclose(numpy(layer(x)), x, rtol=0, atol=1e-3)
    np.testing.assert_allclose(numpy(layer.layer_scale.gamma), 1e-5)
    norms = layer.expand_norm, layer.middle_norm, layer.project_norm
    assert {(norm.momentum, norm.epsilon) for norm in norms} == {(0.75, 0.5)}
