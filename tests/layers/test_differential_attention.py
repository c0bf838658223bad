import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import DifferentialAttention
from tests.oracles.attention import attention, differential_attention, rotate, softmax

DIM, HEADS, HEAD_DIM, LENGTH = 12, 2, 3, 5
SCHEDULE = [0.2, 0.355509, 0.470713, 0.556058, 0.619283, 0.666122]
LAMBDAS = "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, LENGTH, DIM)).astype("float32")


def make(**arguments):
    layer = DifferentialAttention(DIM, HEADS, **arguments)
    layer.build((None, LENGTH, DIM))
    return layer


def kernels(layer):
    names = "query_projection", "key_projection", "value_projection", "output_projection"
    return [numpy(getattr(layer, name).kernel) for name in names]


def set_lambdas(layer, *values):
    for name, value in zip(LAMBDAS, values, strict=True):
        getattr(layer, name).assign(value)


@pytest.mark.parametrize("head_dim", [None, 4])
@pytest.mark.parametrize("layer_idx", [0, 3])
def test_formula(x, head_dim, layer_idx):
    random = np.random.default_rng(1)
    layer = make(head_dim=head_dim, layer_idx=layer_idx)
    size = head_dim or HEAD_DIM
    lambdas, gain = random.normal(scale=0.5, size=(4, size)), random.normal(size=2 * size)
    set_lambdas(layer, *lambdas)
    layer.norm.scale.assign(gain)
    mask = random.random((2, LENGTH, LENGTH)) < 0.6
    expected = differential_attention(
        x, *kernels(layer), lambdas, gain, num_heads=HEADS, lambda_init=SCHEDULE[layer_idx], mask=mask[:, None]
    )
    np.testing.assert_allclose(numpy(layer(x, attention_mask=mask)), expected, rtol=0, atol=2e-5)


def grouped_with_positions(x, layer, num_kv_heads, theta):
    """As in the authors' code for grouped keys (flash attention): both maps of a head use the keys of its group."""
    query, key, value, output = kernels(layer)
    size = query.shape[1] // (2 * 4)

    def pairs(kernel, heads):
        """(batch, map, head, length, feature), turned."""
        heads = (x @ kernel).reshape(2, LENGTH, heads, 2, size).transpose(0, 3, 2, 1, 4)
        return rotate(heads, theta=theta)

    queries, keys = pairs(query, 4), pairs(key, num_kv_heads)
    values = (x @ value).reshape(2, LENGTH, num_kv_heads, 2 * size).transpose(0, 2, 1, 3)
    mixed = []
    for head in range(4):
        group = head * num_kv_heads // 4
        scores = queries[:, :, head] @ keys[:, :, group].swapaxes(-1, -2) / np.sqrt(size)
        maps = softmax(np.where(np.tri(LENGTH, dtype=bool), scores, -np.inf))
        context = (maps[:, 0] - float(numpy(layer.get_lambda())) * maps[:, 1]) @ values[:, group]
        mixed.append(0.8 * context / np.sqrt((context**2).mean(axis=-1, keepdims=True) + 1e-5))
    return np.concatenate(mixed, axis=-1) @ output


@pytest.mark.parametrize("num_kv_heads", [1, 2, 4])
def test_grouped_keys_and_rotary_positions(x, num_kv_heads):
    layer = DifferentialAttention(
        DIM, 4, num_kv_heads=num_kv_heads, head_dim=6, rope_percentage=1.0, rope_theta=500.0, max_seq_len=8
    )
    layer.build((None, LENGTH, DIM))
    expected = grouped_with_positions(x.astype("float64"), layer, num_kv_heads, 500.0)
    np.testing.assert_allclose(numpy(layer(x, use_causal_mask=True)), expected, rtol=0, atol=2e-5)


def test_lambda_schedule():
    found = []
    for layer_idx in range(len(SCHEDULE)):
        layer = make(layer_idx=layer_idx)
        set_lambdas(layer, *np.zeros((4, HEAD_DIM)))
        found.append(float(numpy(layer.get_lambda())))
    np.testing.assert_allclose(found, SCHEDULE, rtol=0, atol=1e-6)


def test_lambda_of_a_fresh_layer_is_near_its_schedule():
    layer = make(lambda_init=0.4, layer_idx=100, dtype="mixed_bfloat16")
    assert float(numpy(layer.get_lambda())) == pytest.approx(0.4, abs=0.15)
    assert keras.backend.standardize_dtype(layer.get_lambda().dtype) == "float32"


def test_without_the_second_map_it_is_normalized_attention(x):
    layer = make()
    first = np.eye(HEAD_DIM)[0]
    set_lambdas(layer, 0 * first, first, np.log(1.2) * first, first)
    np.testing.assert_allclose(float(numpy(layer.get_lambda())), 0.0, atol=1e-6)
    query, key, value, output = kernels(layer)
    q, k = ((x @ w).reshape(2, LENGTH, HEADS, 2, HEAD_DIM)[..., 0, :] for w in (query, key))
    context = attention(q, k, (x @ value).reshape(2, LENGTH, HEADS, 2 * HEAD_DIM))
    context /= np.sqrt((context**2).mean(axis=-1, keepdims=True) + 1e-5)
    expected = 0.8 * context.reshape(2, LENGTH, -1) @ output
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=0, atol=5e-6)


def test_equal_maps_cancel(x):
    """With lambda 1 nothing is left, so the normalization sees rounding errors below its epsilon only."""
    layer = make()
    for projection in (layer.query_projection, layer.key_projection):
        kernel = numpy(projection.kernel).reshape(DIM, HEADS, 2, HEAD_DIM).copy()
        kernel[:, :, 1] = kernel[:, :, 0]
        projection.kernel.assign(kernel.reshape(DIM, -1))
    assert np.abs(numpy(layer(x))).max() > 0.1
    first = np.eye(HEAD_DIM)[0]
    set_lambdas(layer, np.log(1.8) * first, first, 0 * first, first)
    assert np.abs(numpy(layer(x))).max() < 1e-3


def test_causal_mask_hides_the_future(x):
    layer, changed = make(), x.copy()
    changed[:, 3:] += 1.0
    before, after = numpy(layer(x, use_causal_mask=True)), numpy(layer(changed, use_causal_mask=True))
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=0, atol=1e-6)
    assert np.abs(numpy(layer(changed)) - numpy(layer(x)))[:, :3].max() > 0.01


def test_padding_is_not_seen(x):
    layer = make()
    padded = np.concatenate([x, np.zeros((2, 2, DIM), "float32")], axis=1)
    found = numpy(layer(keras.layers.Masking()(padded)))[:, :LENGTH]
    np.testing.assert_allclose(found, numpy(layer(x)), rtol=0, atol=5e-6)
    assert np.abs(numpy(layer(padded))[:, :LENGTH] - found).max() > 0.01


def test_queries_that_see_nothing_give_zero(x):
    mask = np.ones((2, LENGTH, LENGTH), bool)
    mask[1, 2] = False
    y = numpy(make()(x, attention_mask=mask))
    assert not y[1, 2].any()
    assert y[1, 1].all()


def test_dropouts_act_on_the_weights_and_on_the_output():
    """A single token looks at itself only. The normalization undoes the scale of the weights that are kept."""
    x = np.random.default_rng(4).standard_normal((64, 1, 4)).astype("float32")
    layer = DifferentialAttention(4, 1, attention_dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), numpy(layer(x))
    which = np.array([not row.any() for row in y])
    assert 10 < which.sum() < 54
    np.testing.assert_allclose(y[~which], kept[~which], rtol=1e-2, atol=1e-3)

    layer = DifferentialAttention(4, 1, dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    assert 0.3 < np.mean(y == 0) < 0.7
    np.testing.assert_allclose(y, np.where(y == 0, 0.0, kept), rtol=1e-5)


def test_number_of_weights():
    four_vectors, gain = 4 * HEAD_DIM, 2 * HEAD_DIM
    assert make().count_params() == 4 * DIM**2 + four_vectors + gain
    assert make(head_dim=4).count_params() == 4 * DIM * (2 * HEADS * 4) + 4 * 4 + 2 * 4
