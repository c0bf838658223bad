import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import LayerScale, MobileMQA
from tests.oracles import channels_first, mobilenet_v4
from tests.oracles.convolution import batch_norm, depthwise
from tests.oracles.image_attention import mobile_multi_query_attention

DIM, HEADS, CHANNELS = 12, 3, 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 5, 4, CHANNELS)).astype("float32")


def make(channels=CHANNELS, **arguments):
    layer = MobileMQA(DIM, **{"num_heads": HEADS, **arguments})
    layer.build((None, None, None, channels))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        positive = weight.name == "moving_variance"
        weight.assign(
            random.uniform(0.5, 2, weight.shape) if positive else random.normal(scale=0.5, size=weight.shape)
        )
    return layer


def smaller(layer, name):
    """Depthwise convolution with stride 2 and batch normalization."""
    kernel = numpy(getattr(layer, f"{name}_downsampling").kernel).astype("float64")
    norm = getattr(layer, f"{name}_norm")
    vectors = [numpy(v).astype("float64") for v in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)]
    return lambda x: batch_norm(depthwise(x, kernel, 2), *vectors)


def kernel_and_bias(projection):
    return [numpy(weight) for weight in projection.weights] if projection.use_bias else [numpy(projection.kernel), 0.0]


@pytest.mark.parametrize(
    ("num_heads", "use_bias", "key_dim"), [(1, False, None), (HEADS, True, None), (HEADS, True, 5)]
)
@pytest.mark.parametrize("use_downsampling", [False, True])
@pytest.mark.parametrize("size", [(5, 4), (4, 7), (1, 1)])
def test_formula(size, use_downsampling, num_heads, use_bias, key_dim):
    x = np.random.default_rng(2).standard_normal((2, *size, CHANNELS)).astype("float32")
    layer = make(num_heads=num_heads, use_downsampling=use_downsampling, use_bias=use_bias, key_dim=key_dim)
    if use_downsampling:
        key, value = map(kernel_and_bias, (layer.key_projection, layer.value_projection))
    else:
        both = [np.split(w, 2, axis=-1) if np.ndim(w) else (w, w) for w in kernel_and_bias(layer.key_value_projection)]
        key, value = zip(*both, strict=True)
    expected = mobile_multi_query_attention(
        x,
        kernel_and_bias(layer.query_projection),
        key,
        value,
        kernel_and_bias(layer.output_projection),
        num_heads=num_heads,
        smaller=[smaller(layer, name) for name in ("key", "value")] if use_downsampling else (None, None),
    )
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=0, atol=2e-5 * np.abs(expected).max())


def published(key_dim, num_heads, stride):
    """Random weights of a block of the hybrid models in timm's layout."""
    draw, wide = channels_first.Draw(5), num_heads * key_dim
    weights = {"norm": draw.norm(DIM), "layer_scale": draw.random.normal(size=DIM)}
    weights |= {"query.proj": draw.kernel(wide, DIM), "output.proj": draw.kernel(DIM, wide)}
    for name in ("key", "value"):
        weights[f"{name}.proj"] = draw.kernel(key_dim, DIM)
        if stride > 1:
            weights[f"{name}.down_conv"] = draw.kernel(DIM, 1, 3)
            weights[f"{name}.norm"] = draw.norm(DIM)
    return weights


def load(layer, weights):
    layer.query_projection.kernel.assign(channels_first.pointwise(weights["query.proj"]))
    layer.output_projection.kernel.assign(channels_first.pointwise(weights["output.proj"]))
    key, value = (channels_first.pointwise(weights[f"{name}.proj"]) for name in ("key", "value"))
    if not layer.use_downsampling:
        layer.key_value_projection.kernel.assign(np.concatenate([key, value], axis=1))
        return
    layer.key_projection.kernel.assign(key)
    layer.value_projection.kernel.assign(value)
    for name in ("key", "value"):
        getattr(layer, f"{name}_downsampling").kernel.assign(channels_first.depthwise(weights[f"{name}.down_conv"]))
        getattr(layer, f"{name}_norm").set_weights(weights[f"{name}.norm"])


@pytest.mark.parametrize("size", [(7, 5), (6, 4)])
@pytest.mark.parametrize("stride", [1, 2])
def test_mobilenet_v4(stride, size):
    """The whole block of the hybrids, with heads that are no part of the width, without biases, padded as in timm."""
    weights = published(8, 4, stride)
    attention = MobileMQA(
        DIM, 4, key_dim=8, use_downsampling=stride > 1, padding="symmetric", norm_momentum=0.9, norm_epsilon=1e-5
    )
    norm = keras.layers.BatchNormalization(epsilon=1e-5)
    scale = LayerScale(initializer=keras.initializers.Constant(1e-5), constraint=None)
    x = np.random.default_rng(6).standard_normal((2, *size, DIM)).astype("float32")
    for layer in (attention, norm, scale):
        layer.build(x.shape)
    norm.set_weights(weights["norm"])
    scale.gamma.assign(weights["layer_scale"])
    load(attention, weights)
    first = x.astype("float64").transpose(0, 3, 1, 2)
    expected = mobilenet_v4.mobile_attention(first, weights, num_heads=4, stride=stride)
    found = x + numpy(scale(attention(norm(x))))
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_equals_keras_on_the_pixels_as_tokens():
    x = np.random.default_rng(3).standard_normal((2, 5, 4, DIM)).astype("float32")
    tokens = x.reshape(2, 20, DIM)
    theirs = keras.layers.GroupQueryAttention(DIM // HEADS, HEADS, 1)
    theirs.build(tokens.shape, tokens.shape)
    random = np.random.default_rng(4)
    theirs.set_weights([random.normal(scale=0.5, size=w.shape) for w in theirs.weights])
    query, query_bias, key, key_bias, value, value_bias, output, output_bias = map(numpy, theirs.weights)
    layer = make(DIM, use_bias=True)
    layer.query_projection.set_weights([query.reshape(DIM, DIM), query_bias.reshape(DIM)])
    layer.key_value_projection.set_weights(
        [np.concatenate([key, value], axis=-1)[:, 0], np.concatenate([key_bias, value_bias], axis=-1)[0]]
    )
    layer.output_projection.set_weights([output.reshape(DIM, DIM), output_bias])
    # On TensorFlow Keras' layer fails for a single head of keys and values, so it gets that head repeated.
    full = keras.layers.MultiHeadAttention(HEADS, DIM // HEADS)
    full.build(tokens.shape, tokens.shape)
    repeated = [np.repeat(w, HEADS, axis=-2) for w in (key, key_bias, value, value_bias)]
    full.set_weights([query, query_bias, *repeated, output, output_bias])
    found = numpy(layer(x)).reshape(tokens.shape)
    np.testing.assert_allclose(found, numpy(full(tokens, tokens)), rtol=0, atol=2e-5)
    if keras.backend.backend() != "tensorflow":
        np.testing.assert_allclose(found, numpy(theirs(tokens, tokens)), rtol=0, atol=2e-5)


def test_number_of_weights():
    kernels = CHANNELS * DIM + CHANNELS * 8 + DIM * DIM
    assert make().count_params() == kernels
    assert make(use_bias=True).count_params() == kernels + DIM + 8 + DIM
    assert make(use_downsampling=True).count_params() == kernels + 2 * (9 + 4) * CHANNELS
    assert make(key_dim=5).count_params() == CHANNELS * 15 + CHANNELS * 10 + 15 * DIM


def test_unknown_sizes(x):
    layer = make(use_downsampling=True)
    inputs = keras.Input((None, None, CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, DIM)
    np.testing.assert_allclose(numpy(model(x)), numpy(layer(x)), rtol=0, atol=1e-6)
