import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import WindowAttention
from tests.oracles.attention import attention, window_bias

DIM, HEADS, SIZE = 8, 2, 3
TOKENS = SIZE**2


@pytest.fixture
def x():
    """Two images of two windows."""
    return np.random.default_rng(0).standard_normal((4, TOKENS, DIM)).astype("float32")


def make(**arguments):
    layer = WindowAttention(DIM, arguments.pop("window_size", SIZE), num_heads=HEADS, **arguments)
    layer.build((None, np.prod(np.broadcast_to(layer.window_size, 2)).item(), DIM))
    random = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(scale=0.5, size=weight.shape))
    return layer


def expected(layer, x, *, mask=None, bias=0.0):
    qkv = x @ numpy(layer.qkv.kernel) + numpy(layer.qkv.bias)
    query, key, value = np.moveaxis(qkv.reshape(*x.shape[:2], 3, HEADS, -1), 2, 0)
    bias = bias + window_bias(numpy(layer.relative_position_bias_table), layer.window_size)
    heads = attention(query, key, value, mask=mask, bias=bias, scale=layer.qk_scale)
    return heads.reshape(x.shape) @ numpy(layer.proj.kernel) + numpy(layer.proj.bias)


@pytest.mark.parametrize("qk_scale", [None, 0.3, 0.0])
def test_formula(x, qk_scale):
    layer = make(qk_scale=qk_scale)
    np.testing.assert_allclose(numpy(layer(x)), expected(layer, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 4, (2, 3), (4, 1)])
def test_formula_at_other_sizes(size):
    tokens = np.prod(np.broadcast_to(size, 2))
    x = np.random.default_rng(2).standard_normal((3, tokens, DIM)).astype("float32")
    layer = make(window_size=size)
    np.testing.assert_allclose(numpy(layer(x)), expected(layer, x), rtol=0, atol=1e-5)


def test_index_of_relative_positions():
    index = [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]
    np.testing.assert_array_equal(numpy(make(window_size=2).relative_position_index), index)


def test_masks_belong_to_the_windows_of_each_image(x):
    layer = make()
    mask = np.random.default_rng(3).random((2, TOKENS, TOKENS)) < 0.5
    for_each_row = np.concatenate([mask, mask])[:, None]
    found = numpy(layer(x, attention_mask=mask))
    np.testing.assert_allclose(found, expected(layer, x, mask=for_each_row), rtol=0, atol=1e-5)

    added = np.random.default_rng(4).normal(size=mask.shape).astype("float32")
    found = numpy(layer(x, attention_mask=added))
    bias = np.concatenate([added, added])[:, None]
    np.testing.assert_allclose(found, expected(layer, x, bias=bias), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["none", "boolean", "added"])
def test_padding_is_hidden_beside_other_masks(x, kind):
    layer = make()
    random = np.random.default_rng(9)
    padding = random.random((4, TOKENS)) < 0.7
    explicit = (random.random((2, TOKENS, TOKENS)) < 0.7) | np.eye(TOKENS, dtype=bool)
    added = random.normal(size=explicit.shape).astype("float32")
    given = {"none": None, "boolean": explicit, "added": added}[kind]
    mask = padding[:, None, None, :] & (np.concatenate([explicit, explicit])[:, None] if kind == "boolean" else True)
    bias = np.concatenate([added, added])[:, None] if kind == "added" else 0.0
    found = numpy(layer(x, attention_mask=given, mask=keras.ops.convert_to_tensor(padding)))
    np.testing.assert_allclose(found, expected(layer, x, mask=mask, bias=bias), rtol=0, atol=1e-5)


def test_boolean_and_large_negative_masks_agree(x):
    layer = make()
    mask = np.random.default_rng(5).random((2, TOKENS, TOKENS)) < 0.5
    mask |= np.eye(TOKENS, dtype=bool)
    added = np.where(mask, 0.0, -100.0).astype("float32")
    found = numpy(layer(x, attention_mask=mask))
    np.testing.assert_allclose(found, numpy(layer(x, attention_mask=added)), rtol=0, atol=1e-6)


def test_shifted_windows_keep_regions_apart():
    """A 4 x 4 image moved by one: the last row and column of windows hold what came round from the other side."""
    region = np.digitize(np.arange(4), [2, 3])
    regions = (3 * region[:, None] + region[None, :]).reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(4, 4)
    mask = regions[:, :, None] == regions[:, None, :]
    x = np.random.default_rng(6).standard_normal((4, 4, DIM)).astype("float32")
    layer = make(window_size=2)
    changed = np.where((regions == 4)[..., None], x + 1, x).astype("float32")
    difference = np.abs(numpy(layer(changed, attention_mask=mask)) - numpy(layer(x, attention_mask=mask))).max(-1)
    assert regions[3].tolist() == [4, 5, 7, 8]
    np.testing.assert_array_equal(difference > 1e-6, regions == 4)
    assert np.all((np.abs(numpy(layer(changed)) - numpy(layer(x))).max(-1) > 1e-6)[3])


def test_equals_keras_without_bias_table(x):
    theirs = keras.layers.MultiHeadAttention(HEADS, DIM // HEADS)
    theirs.build(x.shape, x.shape)
    random = np.random.default_rng(7)
    theirs.set_weights([random.normal(scale=0.5, size=w.shape) for w in theirs.weights])
    query, query_bias, key, key_bias, value, value_bias, output, output_bias = map(numpy, theirs.weights)
    layer = make()
    layer.relative_position_bias_table.assign(np.zeros(layer.relative_position_bias_table.shape))
    layer.qkv.kernel.assign(np.concatenate([w.reshape(DIM, DIM) for w in (query, key, value)], axis=1))
    layer.qkv.bias.assign(np.concatenate([w.reshape(DIM) for w in (query_bias, key_bias, value_bias)]))
    layer.proj.kernel.assign(output.reshape(DIM, DIM))
    layer.proj.bias.assign(output_bias)
    np.testing.assert_allclose(numpy(layer(x)), numpy(theirs(x, x)), rtol=0, atol=2e-5)


def test_tokens_that_see_nothing_give_zero(x):
    mask = np.ones((2, TOKENS, TOKENS), bool)
    mask[1, 2] = False
    y = numpy(make(proj_bias=False)(x, attention_mask=mask))
    assert not y[1::2, 2].any()
    assert y[0::2].all()


def test_dropouts_act_on_the_weights_and_on_the_output():
    """A single token looks at itself with weight 1, so each head of it is dropped or scaled as a whole."""
    x = np.random.default_rng(8).standard_normal((64, 1, 4)).astype("float32")
    layer = WindowAttention(4, 1, num_heads=1, attention_dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    which = np.array([not row.any() for row in y])
    assert 10 < which.sum() < 54
    np.testing.assert_allclose(y[~which], kept[~which], rtol=0, atol=1e-5)

    layer = WindowAttention(4, 1, num_heads=1, dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    assert 0.3 < np.mean(y == 0) < 0.7
    np.testing.assert_allclose(y, np.where(y == 0, 0.0, kept), rtol=1e-5)


def test_number_of_weights():
    table, index = (2 * SIZE - 1) ** 2 * HEADS, TOKENS**2
    assert make().count_params() == 4 * DIM**2 + 4 * DIM + table + index
    assert make(qkv_bias=False, proj_bias=False).count_params() == 4 * DIM**2 + table + index


@pytest.mark.parametrize("shape", [(2, 4, 4), (3, TOKENS, TOKENS), (TOKENS, TOKENS)])
def test_masks_that_do_not_fit_are_rejected(x, shape):
    with pytest.raises(ValueError, match=r"Received: attention_mask\.shape="):
        make()(x, attention_mask=np.ones(shape, bool))


def test_regularizers_reach_both_projections_and_not_the_table():
    layer = make(kernel_regularizer=keras.regularizers.L1(0.5), bias_regularizer=keras.regularizers.L1(0.25))
    weights = layer.qkv.kernel, layer.proj.kernel, layer.qkv.bias, layer.proj.bias
    sums = [np.abs(numpy(weight)).sum() for weight in weights]
    expected = 0.5 * (sums[0] + sums[1]) + 0.25 * (sums[2] + sums[3])
    assert float(numpy(sum(layer.losses))) == pytest.approx(expected, rel=1e-5)
