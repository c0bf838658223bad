import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import MultiHeadSelfAttention
from tests.oracles.attention import attention

DIM, HEADS, LENGTH = 12, 3, 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, LENGTH, DIM)).astype("float32")


def make(**arguments):
    layer = MultiHeadSelfAttention(DIM, HEADS, **arguments)
    layer.build((None, LENGTH, DIM))
    random = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return layer


def expected(layer, x, mask=None):
    qkv = x @ numpy(layer.qkv.kernel) + (numpy(layer.qkv.bias) if layer.qkv_bias else 0)
    query, key, value = (part.reshape(*x.shape[:2], HEADS, -1) for part in np.split(qkv, 3, axis=-1))
    heads = attention(query, key, value, mask=mask)
    return heads.reshape(x.shape) @ numpy(layer.proj.kernel) + numpy(layer.proj.bias)


@pytest.mark.parametrize("qkv_bias", [False, True])
def test_formula(x, qkv_bias):
    layer = make(qkv_bias=qkv_bias)
    np.testing.assert_allclose(numpy(layer(x)), expected(layer, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("heads", [1, HEADS])
def test_masks(x, heads):
    mask = np.random.default_rng(2).random((2, heads, LENGTH, LENGTH)) < 0.6
    mask[1, 0, 2] = False
    padding = np.array([[True] * 4 + [False] * 2, [True] * 6])
    joined = mask & padding[:, None, None, :] & np.tri(LENGTH, dtype=bool)
    layer = make()
    given = mask[:, 0] if heads == 1 else mask
    found = layer(x, attention_mask=given, mask=keras.ops.convert_to_tensor(padding), use_causal_mask=True)
    np.testing.assert_allclose(numpy(found), expected(layer, x, joined), rtol=0, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_equals_keras(x, causal):
    theirs = keras.layers.MultiHeadAttention(HEADS, DIM // HEADS)
    theirs.build(x.shape, x.shape)
    random = np.random.default_rng(3)
    theirs.set_weights([random.normal(scale=0.5, size=w.shape) for w in theirs.weights])
    query, query_bias, key, key_bias, value, value_bias, output, output_bias = map(numpy, theirs.weights)
    layer = make()
    layer.qkv.kernel.assign(np.concatenate([w.reshape(DIM, DIM) for w in (query, key, value)], axis=1))
    layer.qkv.bias.assign(np.concatenate([w.reshape(DIM) for w in (query_bias, key_bias, value_bias)]))
    layer.proj.kernel.assign(output.reshape(DIM, DIM))
    layer.proj.bias.assign(output_bias)
    found = layer(x, use_causal_mask=causal)
    np.testing.assert_allclose(numpy(found), numpy(theirs(x, x, use_causal_mask=causal)), rtol=0, atol=2e-5)


def test_causal_mask_hides_the_future(x):
    layer, changed = make(), x.copy()
    changed[:, 4:] += 1.0
    before, after = numpy(layer(x, use_causal_mask=True)), numpy(layer(changed, use_causal_mask=True))
    np.testing.assert_allclose(after[:, :4], before[:, :4], rtol=0, atol=1e-6)
    assert np.abs(numpy(layer(changed)) - numpy(layer(x)))[:, :4].max() > 0.01


def test_padding_is_not_seen(x):
    layer = make()
    padded = np.concatenate([x, np.zeros((2, 2, DIM), "float32")], axis=1)
    found = numpy(layer(keras.layers.Masking()(padded)))[:, :LENGTH]
    np.testing.assert_allclose(found, numpy(layer(x)), rtol=0, atol=1e-5)
    assert np.abs(numpy(layer(padded))[:, :LENGTH] - found).max() > 0.01


def test_queries_that_see_nothing_get_the_bias_of_the_output(x):
    mask = np.ones((2, LENGTH, LENGTH), bool)
    mask[1, 2] = False
    layer = make()
    y = numpy(layer(x, attention_mask=mask))
    np.testing.assert_array_equal(y[1, 2], numpy(layer.proj.bias))
    assert np.abs(y[1, 1] - numpy(layer.proj.bias)).min() > 0


def test_without_dropout_training_is_inference(x):
    layer = make()
    np.testing.assert_allclose(numpy(layer(x, training=True)), numpy(layer(x)), rtol=0, atol=1e-6)


def test_dropouts_act_on_the_weights_and_on_the_output():
    """A single token looks at itself with weight 1, so each head of it is dropped or scaled as a whole."""
    x = np.random.default_rng(4).standard_normal((64, 1, 4)).astype("float32")
    layer = MultiHeadSelfAttention(4, 1, attention_dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    which = np.array([not row.any() for row in y])
    assert 10 < which.sum() < 54
    np.testing.assert_allclose(y[~which], kept[~which], rtol=0, atol=1e-5)

    layer = MultiHeadSelfAttention(4, 1, dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    assert 0.3 < np.mean(y == 0) < 0.7
    np.testing.assert_allclose(y, np.where(y == 0, 0.0, kept), rtol=1e-5)


def test_number_of_weights():
    assert make().count_params() == 4 * DIM**2 + 4 * DIM
    assert make(qkv_bias=False).count_params() == 4 * DIM**2 + DIM


def test_regularizer_acts_on_both_kernels(x):
    layer = make(kernel_regularizer=keras.regularizers.L1(0.5))
    layer(x)
    expected = [0.5 * np.abs(numpy(kernel)).sum() for kernel in (layer.qkv.kernel, layer.proj.kernel)]
    np.testing.assert_allclose([float(numpy(loss)) for loss in layer.losses], expected, rtol=1e-5)
