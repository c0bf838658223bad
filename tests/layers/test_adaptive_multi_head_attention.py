import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import AdaptiveMultiHeadAttention
from tests._frameworks import value_and_gradients
from tests.layers._projected_attention import (
    KEYS,
    QUERIES,
    SHAPES,
    output,
    project,
    randomized,
    sequences,
    weights_for,
)
from tests.oracles.attention import adaptive_attention_weights

HEADS, KEY_DIM = 3, 5
POLYNOMIAL = (-0.037, 0.481, -2.3, 4.917, -1.791)


def make(*names, **arguments):
    layer = AdaptiveMultiHeadAttention(HEADS, KEY_DIM, **{"value_dim": 4, **arguments})
    shapes = [SHAPES[name] for name in names]
    return randomized(layer, shapes[0] if len(names) == 1 else shapes)


def expected_weights(layer, query, key, value, mask=None):
    query, key, _ = project(layer, query, key, value)
    return adaptive_attention_weights(
        query,
        key,
        mask=mask,
        min_temp=layer.min_temp,
        max_temp=layer.max_temp,
        threshold=layer.entropy_threshold,
        coefficients=layer.polynomial_coeffs,
    )


def expected(layer, query, key, value, mask=None):
    weights, values = expected_weights(layer, query, key, value, mask), project(layer, query, key, value)[2]
    return output(layer, np.einsum("bhqk,bkhd->bqhd", weights, values))


@pytest.mark.parametrize(
    "arguments",
    [{}, {"min_temp": 0.6, "max_temp": 0.7}, {"entropy_threshold": 1.2}, {"polynomial_coeffs": (1.0, 0.5)}],
    ids=["default", "clipped", "threshold", "polynomial"],
)
def test_formula(arguments):
    inputs = sequences("query", "key", "value")
    layer = make("query", "key", "value", **arguments)
    np.testing.assert_allclose(numpy(layer(inputs)), expected(layer, *inputs), rtol=0, atol=1e-5)
    weights = numpy(layer(inputs, return_attention_scores=True)[1])
    np.testing.assert_allclose(weights, expected_weights(layer, *inputs), rtol=0, atol=5e-6)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=0, atol=1e-6)


def test_masks():
    inputs = sequences("query", "key", "value")
    mask = np.random.default_rng(3).random((2, HEADS, QUERIES, KEYS)) < 0.6
    mask[1, :, 2] = False
    padding = np.array([[True] * 4 + [False] * 2, [True] * 6])
    joined = mask & padding[:, None, None] & np.tri(QUERIES, KEYS, dtype=bool)
    layer = make("query", "key", "value", use_bias=False)
    options = {
        "attention_mask": mask,
        "mask": [None, None, keras.ops.convert_to_tensor(padding)],
        "use_causal_mask": True,
    }
    found = numpy(layer(inputs, **options))
    np.testing.assert_allclose(found, expected(layer, *inputs, mask=joined), rtol=0, atol=1e-5)
    assert not found[1, 2].any()
    assert not numpy(layer(inputs, **options, return_attention_scores=True)[1])[~joined].any()


def test_the_first_of_a_causal_sequence_looks_at_itself():
    (x,) = sequences("query")
    weights = numpy(make("query")(x, use_causal_mask=True, return_attention_scores=True)[1])
    np.testing.assert_array_equal(weights[:, :, 0], np.broadcast_to(np.eye(QUERIES)[0], (2, HEADS, QUERIES)))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("arguments", [{"entropy_threshold": np.log(KEYS) + 1e-3}, {"min_temp": 1.0}])
def test_equals_keras_without_sharpening(arguments, causal):
    query, key = sequences("query", "key")
    theirs = keras.layers.MultiHeadAttention(HEADS, KEY_DIM)
    theirs.build(query.shape, key.shape)
    layer = make("query", "key", value_dim=None, **arguments)
    weights_for(theirs, layer)
    found = numpy(layer([query, key], use_causal_mask=causal))
    np.testing.assert_allclose(found, numpy(theirs(query, key, use_causal_mask=causal)), rtol=0, atol=2e-5)
    sharp = make("query", "key", value_dim=None)
    weights_for(theirs, sharp)
    assert np.abs(numpy(sharp([query, key], use_causal_mask=causal)) - found).max() > 0.01


def test_gradients_are_finite_where_a_query_sees_nothing():
    (x,) = sequences("query")
    mask = np.ones((2, QUERIES, QUERIES), bool)
    mask[1, 2] = False

    class Masked(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.attention = make("query")
            self.built = True

        def call(self, inputs, training=None):
            return self.attention(inputs, attention_mask=keras.ops.convert_to_tensor(mask))

    _, gradients = value_and_gradients(Masked(), [x], [np.ones(x.shape, "float32")], training=False, jit=False)
    for gradient in gradients:
        assert np.isfinite(numpy(gradient)).all()


def test_dropout_acts_on_the_weights():
    """There is a single key, so a head of a query is dropped or scaled as a whole."""
    x = np.random.default_rng(6).standard_normal((64, 1, 4)).astype("float32")
    layer = AdaptiveMultiHeadAttention(1, 4, dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    which = np.array([not row.any() for row in y])
    assert 10 < which.sum() < 54
    np.testing.assert_allclose(y[~which], kept[~which], rtol=0, atol=1e-5)


def test_number_of_weights():
    layer = make("query", "key", "value")
    assert layer.count_params() == (10 * 15 + 15) + (8 * 15 + 15) + (12 * 12 + 12) + (12 * 10 + 10)
