import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import SparseAttention
from dl_techniques.layers.attention import sparse_attention
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
from tests.oracles.attention import attention_weights, cut, cut_repeatedly

HEADS, KEY_DIM = 3, 5
DIRECT = {"iterative_sparsification": False}
LEARNABLE = {**DIRECT, "learnable_threshold": True}
CASES = {
    "iterative": {},
    "many iterations": {"alpha": 0.8, "max_iterations": 6},
    "one iteration": {"max_iterations": 1},
    "direct": {**DIRECT, "threshold": 0.2},
    "high threshold": {**DIRECT, "threshold": 0.6},
    "auto": {**DIRECT, "threshold": "auto"},
    "learnable": {**LEARNABLE, "threshold": 0.2},
    "learnable per head": {**LEARNABLE, "threshold": 0.2, "per_head_thresholds": True},
}
each_case = pytest.mark.parametrize("arguments", CASES.values(), ids=CASES)


def make(*names, **arguments):
    layer = SparseAttention(HEADS, KEY_DIM, **{"value_dim": 4, **arguments})
    shapes = [SHAPES[name] for name in names]
    layer = randomized(layer, shapes[0] if len(names) == 1 else shapes)
    if layer.learnable_threshold:
        layer.learned_threshold.assign(np.linspace(0.1, 0.4, layer.learned_threshold.shape[0]).reshape(-1, 1, 1))
    return layer


def expected_weights(layer, query, key, value, mask=None):
    query, key, _ = project(layer, query, key, value)
    weights = attention_weights(query, key, mask=mask)
    visible = np.broadcast_to(True if mask is None else mask, weights.shape)
    if layer.iterative_sparsification:
        return cut_repeatedly(weights, alpha=layer.alpha, times=layer.max_iterations, visible=visible)
    if layer.learnable_threshold:
        return cut(weights, numpy(layer.learned_threshold))
    if layer.threshold == "auto":
        return cut(weights, 1 / np.maximum(visible.sum(axis=-1, keepdims=True), 1))
    return cut(weights, layer.threshold)


@each_case
def test_formula(arguments):
    inputs = sequences("query", "key", "value")
    layer = make("query", "key", "value", **arguments)
    weights, values = expected_weights(layer, *inputs), project(layer, *inputs)[2]
    found = numpy(layer(inputs, return_attention_scores=True)[1])
    np.testing.assert_allclose(found, weights, rtol=0, atol=5e-6)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=0, atol=1e-6)
    assert 0.1 < np.mean(found == 0) < 0.9
    expected = output(layer, np.einsum("bhqk,bkhd->bqhd", weights, values))
    np.testing.assert_allclose(numpy(layer(inputs)), expected, rtol=0, atol=1e-5)


@each_case
def test_masks(arguments):
    inputs = sequences("query", "key", "value")
    mask = np.random.default_rng(3).random((2, HEADS, QUERIES, KEYS)) < 0.8
    mask[1, :, 2] = False
    padding = np.array([[True] * 4 + [False] * 2, [True] * 6])
    joined = mask & padding[:, None, None] & np.tri(QUERIES, KEYS, dtype=bool)
    layer = make("query", "key", "value", use_bias=False, **arguments)
    options = {
        "attention_mask": mask,
        "mask": [None, keras.ops.convert_to_tensor(padding), None],
        "use_causal_mask": True,
    }
    found = numpy(layer(inputs, **options, return_attention_scores=True)[1])
    np.testing.assert_allclose(found, expected_weights(layer, *inputs, mask=joined), rtol=0, atol=5e-6)
    assert not found[~joined].any()
    assert not numpy(layer(inputs, **options))[1, 2].any()


def test_a_mask_of_the_keys_counts_them():
    (x,) = sequences("query")
    padded = np.concatenate([x, np.zeros((2, 7, x.shape[-1]), "float32")], axis=1)
    layer = make("query")
    found = numpy(layer(keras.layers.Masking()(padded)))[:, :QUERIES]
    np.testing.assert_allclose(found, numpy(layer(x)), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("times", "expected"),
    [(0, [0.5, 0.3, 0.15, 0.05]), (1, [0.625, 0.375, 0, 0]), (2, [1, 0, 0, 0]), (5, [1, 0, 0, 0])],
)
def test_iterations(times, expected):
    weights = keras.ops.convert_to_tensor([[0.5, 0.3, 0.15, 0.05]])
    found = sparse_attention.cut_repeatedly(weights, 4.0, 0.6, times)
    np.testing.assert_allclose(numpy(found), [expected], rtol=0, atol=1e-6)


def test_equal_weights_reach_their_mean_and_the_first_of_them_remains():
    weights = keras.ops.full((1, 7), 1 / 7)
    once, twice = (numpy(sparse_attention.cut_repeatedly(weights, 7.0, 0.6, times)) for times in (1, 2))
    np.testing.assert_allclose(once, 1 / 7, rtol=1e-6)
    np.testing.assert_array_equal(twice, np.eye(7)[:1])


def test_more_cuts_and_higher_ones_keep_less():
    (x,) = sequences("query")
    for layers in (
        [make("query", max_iterations=n) for n in (1, 2, 3)],
        [make("query", threshold=t, **DIRECT) for t in (0.01, 0.1, 0.2)],
    ):
        supports = [numpy(layer(x, return_attention_scores=True)[1]) > 0 for layer in layers]
        assert supports[0].sum() > supports[1].sum() > supports[2].sum()
        assert not (supports[1] & ~supports[0]).any()
        assert not (supports[2] & ~supports[1]).any()


def test_many_iterations_take_the_value_of_the_best_key():
    inputs = sequences("query", "key", "value")
    layer = make("query", "key", "value", max_iterations=30)
    query, key, value = project(layer, *inputs)
    best = attention_weights(query, key).argmax(axis=-1)
    taken = np.stack([np.stack([value[b, best[b, h], h] for h in range(HEADS)], axis=1) for b in range(2)])
    np.testing.assert_allclose(numpy(layer(inputs)), output(layer, taken), rtol=0, atol=1e-5)


def test_equals_keras_with_a_low_threshold():
    query, key = sequences("query", "key")
    theirs = keras.layers.MultiHeadAttention(HEADS, KEY_DIM)
    theirs.build(query.shape, key.shape)
    layer = make("query", "key", value_dim=None, threshold=1e-12, **DIRECT)
    weights_for(theirs, layer)
    np.testing.assert_allclose(numpy(layer([query, key])), numpy(theirs(query, key)), rtol=0, atol=2e-5)


def test_the_first_of_a_causal_sequence_takes_its_own_value():
    (x,) = sequences("query")
    layer = make("query")
    expected = output(layer, project(layer, x, x, x)[2])[:, 0]
    np.testing.assert_allclose(numpy(layer(x, use_causal_mask=True))[:, 0], expected, rtol=0, atol=1e-5)


def test_weights_before_the_first_call_build_the_layer():
    query, key = sequences("query", "key")
    layer = SparseAttention(HEADS, KEY_DIM, threshold=0.3, **LEARNABLE)
    weights = numpy(layer([query, key], return_attention_scores=True)[1])
    count = layer.count_params()
    layer([query, key])
    assert layer.count_params() == count
    np.testing.assert_array_equal(numpy(layer([query, key], return_attention_scores=True)[1]), weights)


@pytest.mark.parametrize("per_head", [False, True])
def test_a_learnable_threshold_starts_where_it_should_and_stays_below_one(per_head):
    layer = SparseAttention(HEADS, KEY_DIM, threshold=0.3, per_head_thresholds=per_head, **LEARNABLE)
    layer.build(SHAPES["query"])
    assert layer.learned_threshold.shape == (HEADS if per_head else 1, 1, 1)
    np.testing.assert_allclose(numpy(layer.learned_threshold), 0.3, rtol=1e-6)
    far = keras.ops.convert_to_tensor([7.0, -7.0])
    np.testing.assert_allclose(numpy(layer.learned_threshold.constraint(far)), [0.9999, 0.0], rtol=1e-6)


def test_the_gradient_of_the_threshold_is_that_of_a_sigmoid():
    """Of `sum_j c_j p_j g_j / sum_j p_j g_j`, where `dg_j = -sigmoid'((p_j - t) / w) / w dt` and `g` is 0 or 1."""
    (x,) = sequences("query")
    layer = make("query", **LEARNABLE)
    layer.learned_threshold.assign([[[0.2]]])
    cotangent = np.random.default_rng(4).standard_normal((2, QUERIES, 10)).astype("float32")
    _, gradients = value_and_gradients(layer, [x], [cotangent], training=False, jit=False)
    names = ["x", *(w.name for w in layer.trainable_weights)]
    found = numpy(gradients[names.index("threshold")]).item()

    query, key, value = project(layer, x, x, x)
    p = attention_weights(query, key)
    taken = (cotangent @ numpy(layer.output_projection.kernel).T).reshape(2, QUERIES, HEADS, -1)
    c = np.einsum("bqhd,bkhd->bhqk", taken, value)
    gate = p >= 0.2
    soft = 1 / (1 + np.exp(-(p - 0.2) / 0.01))
    slope = -soft * (1 - soft) / 0.01
    total = (p * gate).sum(-1, keepdims=True)
    mean = (c * p * gate).sum(-1, keepdims=True) / np.where(total > 0, total, 1)
    terms = np.where(total > 0, (c - mean) * p * slope / np.where(total > 0, total, 1), 0)
    np.testing.assert_allclose(found, terms.sum(), rtol=1e-3)


def test_dropout_acts_on_the_weights_that_are_left():
    """There is a single key, so a head of a query is dropped or scaled as a whole."""
    x = np.random.default_rng(6).standard_normal((64, 1, 4)).astype("float32")
    layer = SparseAttention(1, 4, dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    which = np.array([not row.any() for row in y])
    assert 10 < which.sum() < 54
    np.testing.assert_allclose(y[~which], kept[~which], rtol=0, atol=1e-5)


def test_number_of_weights():
    projections = (10 * 15 + 15) + (8 * 15 + 15) + (12 * 12 + 12) + (12 * 10 + 10)
    assert make("query", "key", "value").count_params() == projections
    assert make("query", "key", "value", **LEARNABLE).count_params() == projections + 1
    assert make("query", "key", "value", per_head_thresholds=True, **LEARNABLE).count_params() == projections + HEADS
