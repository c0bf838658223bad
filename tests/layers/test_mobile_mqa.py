import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import MobileMQA
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
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return layer


@pytest.mark.parametrize("num_heads", [1, HEADS])
@pytest.mark.parametrize("use_downsampling", [False, True])
@pytest.mark.parametrize("size", [(5, 4), (4, 7), (1, 1)])
def test_formula(size, use_downsampling, num_heads):
    x = np.random.default_rng(2).standard_normal((2, *size, CHANNELS)).astype("float32")
    layer = make(num_heads=num_heads, use_downsampling=use_downsampling)
    names = "query_projection", "key_value_projection", "output_projection"
    expected = mobile_multi_query_attention(
        x,
        *([numpy(w) for w in getattr(layer, name).weights] for name in names),
        num_heads=num_heads,
        downsampling=[numpy(w) for w in layer.downsampling.weights] if use_downsampling else None,
    )
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=0, atol=1e-5)


def test_equals_keras_on_the_pixels_as_tokens():
    x = np.random.default_rng(3).standard_normal((2, 5, 4, DIM)).astype("float32")
    tokens = x.reshape(2, 20, DIM)
    theirs = keras.layers.GroupQueryAttention(DIM // HEADS, HEADS, 1)
    theirs.build(tokens.shape, tokens.shape)
    random = np.random.default_rng(4)
    theirs.set_weights([random.normal(scale=0.5, size=w.shape) for w in theirs.weights])
    query, query_bias, key, key_bias, value, value_bias, output, output_bias = map(numpy, theirs.weights)
    layer = make(DIM)
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
    projections = (CHANNELS * DIM + DIM) + (CHANNELS * 8 + 8) + (DIM * DIM + DIM)
    assert make().count_params() == projections
    assert make(use_downsampling=True).count_params() == projections + 9 * CHANNELS + CHANNELS


def test_unknown_sizes(x):
    layer = make(use_downsampling=True)
    inputs = keras.Input((None, None, CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, DIM)
    np.testing.assert_allclose(numpy(model(x)), numpy(layer(x)), rtol=0, atol=1e-6)
