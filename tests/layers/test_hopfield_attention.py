import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import HopfieldAttention
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
from tests.oracles.attention import attention_weights, hopfield_attention

HEADS, KEY_DIM = 3, 5


def make(*names, scale=0.5, **arguments):
    layer = HopfieldAttention(HEADS, KEY_DIM, **{"value_dim": 4, **arguments})
    shapes = [SHAPES[name] for name in names]
    return randomized(layer, shapes[0] if len(names) == 1 else shapes, scale)


def expected(layer, query, key, value, mask=None):
    norm = layer.pattern_norm
    heads = hopfield_attention(
        *project(layer, query, key, value),
        gain=None if norm is None else numpy(norm.gamma),
        offset=None if norm is None else numpy(norm.beta),
        steps=layer.update_steps_max,
        eps=layer.update_steps_eps,
        mask=mask,
    )
    return output(layer, heads)


@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize("normalize_patterns", [False, True])
def test_formula(steps, normalize_patterns):
    inputs = sequences("query", "key", "value")
    layer = make("query", "key", "value", normalize_patterns=normalize_patterns, update_steps_max=steps)
    np.testing.assert_allclose(numpy(layer(inputs)), expected(layer, *inputs), rtol=0, atol=2e-5)


def test_a_single_input_is_all_three_and_the_second_of_two_is_keys_and_values():
    query, key = sequences("query", "key")
    layer = make("query", update_steps_max=1, use_bias=False)
    np.testing.assert_allclose(numpy(layer(query)), expected(layer, query, query, query), rtol=0, atol=2e-5)
    layer = make("query", "key", update_steps_max=1)
    np.testing.assert_allclose(numpy(layer([query, key])), expected(layer, query, key, key), rtol=0, atol=2e-5)


def test_masks():
    inputs = sequences("query", "key", "value")
    mask = np.random.default_rng(3).random((2, HEADS, QUERIES, KEYS)) < 0.6
    mask[1, :, 2] = False
    padding = np.array([[True] * 4 + [False] * 2, [True] * 6])
    joined = mask & padding[:, None, None] & np.tri(QUERIES, KEYS, dtype=bool)
    layer = make("query", "key", "value", update_steps_max=2)
    masks = [None, keras.ops.convert_to_tensor(padding), None]
    found = numpy(layer(inputs, attention_mask=mask, mask=masks, use_causal_mask=True))
    np.testing.assert_allclose(found, expected(layer, *inputs, mask=joined), rtol=0, atol=2e-5)
    np.testing.assert_allclose(found[1, 2], numpy(layer.output_projection.bias), rtol=0, atol=1e-6)


def test_padding_of_any_input_is_not_seen():
    query, key = sequences("query", "key")
    masking, layer = keras.layers.Masking(), make("query", "key", update_steps_max=2)
    padded = np.concatenate([key, np.zeros((2, 2, key.shape[-1]), "float32")], axis=1)
    expected = numpy(layer([query, key]))
    np.testing.assert_allclose(numpy(layer([query, masking(padded)])), expected, rtol=0, atol=2e-5)
    assert np.abs(numpy(layer([query, padded])) - expected).max() > 0.01

    layer = make("query", update_steps_max=2)
    padded = np.concatenate([query, np.zeros((2, 2, query.shape[-1]), "float32")], axis=1)
    found = layer(masking(padded))
    np.testing.assert_allclose(numpy(found)[:, :QUERIES], numpy(layer(query)), rtol=0, atol=2e-5)
    np.testing.assert_array_equal(numpy(found._keras_mask), padded.any(-1))


def test_the_output_has_the_mask_of_the_query():
    query, key = sequences("query", "key")
    query[:, -1], key[:, :2] = 0, 0
    masking = keras.layers.Masking()
    found = make("query", "key")([masking(query), masking(key)])
    np.testing.assert_array_equal(numpy(found._keras_mask), query.any(-1))


def test_heads_of_a_sample_stop_on_their_own():
    """Some stop at each step, so that neither all nor none of the refinements counts."""
    inputs = sequences("query", "key", "value")
    layers = [
        make("query", "key", "value", scale=0.8, normalize_patterns=False, update_steps_max=4, update_steps_eps=eps)
        for eps in (0.3, 1e-9, 1e9)
    ]
    some, none, all_of_them = [numpy(layer(inputs)) for layer in layers]
    wanted = expected(layers[0], *inputs)
    np.testing.assert_allclose(some, wanted, rtol=0, atol=5e-6 * np.abs(wanted).max())
    assert min(np.abs(some - none).max(), np.abs(some - all_of_them).max()) > 0.01
    alone = numpy(layers[0]([x[:1] for x in inputs]))
    np.testing.assert_allclose(alone, some[:1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_equals_keras_without_refinement(training):
    query, key = sequences("query", "key")
    theirs = keras.layers.MultiHeadAttention(HEADS, KEY_DIM)
    theirs.build(query.shape, key.shape)
    layer = make("query", "key", value_dim=None, normalize_patterns=False)
    weights_for(theirs, layer)
    found = layer([query, key], training=training)
    np.testing.assert_allclose(numpy(found), numpy(theirs(query, key)), rtol=0, atol=2e-5)
    scores = theirs(query, key, return_attention_scores=True)[1]
    np.testing.assert_allclose(
        numpy(layer([query, key], return_attention_scores=True)[1]), numpy(scores), rtol=0, atol=1e-5
    )


def retrieved(layer, query, stored):
    """The state after the refinements, where projections do nothing."""
    layer.build([query.shape, stored.shape])
    for projection in (layer.query_projection, layer.key_projection, layer.value_projection, layer.output_projection):
        projection.kernel.assign(np.eye(query.shape[-1]))
    return numpy(layer([query, stored]))


def memory(steps):
    return HopfieldAttention(1, 8, use_bias=False, normalize_patterns=False, update_steps_max=steps)


def test_energy_never_rises():
    random = np.random.default_rng(4)
    stored, query = random.standard_normal((1, 6, 8)), random.standard_normal((1, 3, 8))
    beta = 8**-0.5

    def energy(state):
        return -np.log(np.exp(beta * state @ stored[0].T).sum(-1)) / beta + (state**2).sum(-1) / 2

    states = [query, *(retrieved(memory(steps), query, stored) for steps in range(6))]
    energies = np.array([energy(state.astype("float64")) for state in states])
    assert np.all(np.diff(energies, axis=0) <= 1e-5)
    assert np.all(energies[-1] < energies[0] - 0.1)


def test_patterns_are_retrieved():
    random = np.random.default_rng(5)
    query = random.standard_normal((2, 3, 8))
    single = random.standard_normal((2, 1, 8))
    np.testing.assert_allclose(retrieved(memory(1), query, single), np.repeat(single, 3, axis=1), rtol=0, atol=1e-6)
    apart = 8 * np.eye(8)[None].repeat(2, axis=0)
    nearest = np.take_along_axis(apart, query.argmax(-1)[..., None], axis=1)
    np.testing.assert_allclose(retrieved(memory(5), query, apart), nearest, rtol=0, atol=1e-3)


def test_attention_weights_are_those_of_the_last_step():
    query, key = sequences("query", "key")
    layer = make("query", "key", normalize_patterns=False, update_steps_max=1, update_steps_eps=1e-9)
    q, k, _ = project(layer, query, key, key)
    state = np.einsum("bhqk,bkhd->bqhd", attention_weights(q, k), k)
    found = numpy(layer([query, key], return_attention_scores=True)[1])
    np.testing.assert_allclose(found, attention_weights(state, k), rtol=0, atol=1e-5)


def test_dropout_acts_on_the_last_weights():
    """There is a single key, so a head of a query is dropped or scaled as a whole."""
    x = np.random.default_rng(6).standard_normal((64, 1, 4)).astype("float32")
    layer = HopfieldAttention(1, 4, dropout_rate=0.5, update_steps_max=3, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    which = np.array([not row.any() for row in y])
    assert 10 < which.sum() < 54
    np.testing.assert_allclose(y[~which], kept[~which], rtol=0, atol=1e-5)


def test_number_of_weights():
    projections = 10 * 15 + 8 * 15 + 12 * 12 + 12 * 10
    biases, norm = 15 + 15 + 12 + 10, 2 * KEY_DIM
    assert make("query", "key", "value").count_params() == projections + biases + norm
    assert make("query", "key", "value", use_bias=False, normalize_patterns=False).count_params() == projections


def test_regularizers_act_once():
    layer = make("query", bias_regularizer="l2", kernel_regularizer="l1", activity_regularizer="l2")
    (query,) = sequences("query")
    layer(query)
    assert len(layer.losses) == 4 + 4 + 1


@pytest.mark.parametrize("count", [1, 4])
def test_lists_of_other_lengths_are_rejected(count):
    with pytest.raises(ValueError, match=f"Received: a list of {count}"):
        HopfieldAttention(2, 4).build([SHAPES["query"]] * count)
    with pytest.raises(ValueError, match=f"Received: a list of {count}"):
        HopfieldAttention(2, 4)(sequences("query") * count)


def test_keys_and_values_of_different_lengths_are_rejected():
    with pytest.raises(ValueError, match=r"same batch size and length.*\(2, 6, 8\), value shape=\(2, 4, 10\)"):
        HopfieldAttention(2, 4).build([SHAPES["query"], SHAPES["key"], SHAPES["query"]])
