import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import GroupQueryAttention
from tests.oracles.attention import group_query_attention
from tests.oracles.llama import llama_attention, rotate_halves, rotate_neighbours

DIM, HEADS, LENGTH = 16, 4, 6


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, LENGTH, DIM)).astype("float32")


def make(**arguments):
    layer = GroupQueryAttention(DIM, HEADS, **{"num_kv_heads": 2, "max_seq_len": 12, **arguments})
    layer.build((None, LENGTH, DIM))
    return layer


def kernels(layer):
    names = "query_projection", "key_projection", "value_projection", "output_projection"
    return [numpy(getattr(layer, name).kernel) for name in names]


@pytest.mark.parametrize("num_kv_heads", [1, 2, 4])
@pytest.mark.parametrize(("rope_percentage", "rope_dim"), [(0, 0), (0.5, 2), (1.0, 4)])
def test_formula(x, num_kv_heads, rope_percentage, rope_dim):
    layer = make(num_kv_heads=num_kv_heads, rope_percentage=rope_percentage)
    mask = np.random.default_rng(1).random((2, LENGTH, LENGTH)) < 0.6
    expected = group_query_attention(
        x, *kernels(layer), num_heads=HEADS, num_kv_heads=num_kv_heads, rope_dim=rope_dim, mask=mask[:, None]
    )
    np.testing.assert_allclose(numpy(layer(x, attention_mask=mask)), expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("num_kv_heads", [2, 4])
def test_equals_keras_without_positions(x, num_kv_heads, causal):
    layer = make(num_kv_heads=num_kv_heads, rope_percentage=0.0, use_bias=True)
    if num_kv_heads == HEADS:
        theirs = keras.layers.MultiHeadAttention(HEADS, DIM // HEADS)
    else:
        theirs = keras.layers.GroupQueryAttention(DIM // HEADS, HEADS, num_kv_heads)
    theirs.build(x.shape, x.shape)
    random = np.random.default_rng(2)
    theirs.set_weights([random.normal(scale=0.5, size=w.shape) for w in theirs.weights])
    layer.set_weights([numpy(w).reshape(ours.shape) for w, ours in zip(theirs.weights, layer.weights, strict=True)])
    expected = theirs(x, x, use_causal_mask=causal)
    np.testing.assert_allclose(numpy(layer(x, use_causal_mask=causal)), numpy(expected), rtol=0, atol=2e-5)


def test_equals_multi_head_attention_with_repeated_kernels(x):
    grouped, full = make(num_kv_heads=2), make(num_kv_heads=HEADS)
    query, key, value, output = kernels(grouped)
    key, value = (np.repeat(w.reshape(DIM, 2, -1), 2, axis=1).reshape(DIM, DIM) for w in (key, value))
    for name, kernel in zip(("query", "key", "value", "output"), (query, key, value, output), strict=True):
        getattr(full, f"{name}_projection").kernel.assign(kernel)
    np.testing.assert_allclose(numpy(grouped(x)), numpy(full(x)), rtol=0, atol=2e-6)


def test_causal_mask_hides_the_future(x):
    layer, changed = make(), x.copy()
    changed[:, 4:] += 1.0
    before, after = numpy(layer(x, use_causal_mask=True)), numpy(layer(changed, use_causal_mask=True))
    np.testing.assert_allclose(after[:, :4], before[:, :4], rtol=0, atol=1e-6)
    assert np.abs(after[:, 4:] - before[:, 4:]).max() > 0.01
    assert np.abs(numpy(layer(changed)) - numpy(layer(x)))[:, :4].max() > 0.01


def test_only_distances_matter_and_padding_is_not_seen(x):
    """Behind masked tokens everything moves to later positions, and nothing else changes."""
    layer = make()
    padded = np.concatenate([np.full((2, 3, DIM), 0.0, "float32"), x], axis=1)
    found = numpy(layer(keras.layers.Masking()(padded)))[:, 3:]
    np.testing.assert_allclose(found, numpy(layer(x)), rtol=0, atol=1e-5)
    assert np.abs(numpy(layer(padded))[:, 3:] - found).max() > 0.01


def test_padding_mask_joins_the_explicit_and_the_causal_mask(x):
    layer = make()
    explicit = np.random.default_rng(3).random((2, LENGTH, LENGTH)) < 0.7
    padding = np.array([[True] * 4 + [False] * 2, [True] * 6])
    joined = explicit & padding[:, None, :] & np.tri(LENGTH, dtype=bool)
    expected = layer(x, attention_mask=joined)
    found = layer(x, attention_mask=explicit, mask=keras.ops.convert_to_tensor(padding), use_causal_mask=True)
    np.testing.assert_allclose(numpy(found), numpy(expected), rtol=0, atol=1e-6)


def test_mask_may_differ_between_heads(x):
    mask = np.zeros((2, HEADS, LENGTH, LENGTH), bool)
    mask[:, 1, :, 0] = True
    layer = make()
    value = (x @ kernels(layer)[2])[:, 0, :4]
    expected = np.repeat((value @ kernels(layer)[3][4:8])[:, None], LENGTH, axis=1)
    np.testing.assert_allclose(numpy(layer(x, attention_mask=mask)), expected, rtol=0, atol=1e-6)


def test_queries_that_see_nothing_give_zero(x):
    mask = np.ones((2, LENGTH, LENGTH), bool)
    mask[1, 2] = False
    y = numpy(make()(x, attention_mask=mask))
    assert not y[1, 2].any()
    assert y[1, 1].all()


def test_dropout_acts_on_the_attention_weights():
    """A single token looks at itself with weight 1, so a head of it is dropped or scaled as a whole."""
    layer = GroupQueryAttention(4, 1, num_kv_heads=1, dropout_rate=0.5, seed=0)
    x = np.random.default_rng(4).standard_normal((64, 1, 4)).astype("float32")
    kept, dropped = 2 * numpy(layer(x)), np.zeros((1, 4))
    y = numpy(layer(x, training=True))
    which = [np.allclose(row, dropped) for row in y]
    assert 10 < sum(which) < 54
    np.testing.assert_allclose(y, np.where(np.reshape(which, (-1, 1, 1)), 0.0, kept), rtol=0, atol=1e-6)


def test_number_of_weights():
    layer = make(num_kv_heads=1, use_bias=True, rope_percentage=0.0)
    assert layer.count_params() == 2 * (16 * 16 + 16) + 2 * (16 * 4 + 4)
    assert layer.rope is None


def test_too_long_inputs_are_rejected():
    with pytest.raises(ValueError, match=r"`max_seq_len`\. Received: max_seq_len=12"):
        GroupQueryAttention(DIM, HEADS, num_kv_heads=2, max_seq_len=12).build((None, 13, DIM))
    GroupQueryAttention(DIM, HEADS, num_kv_heads=2, max_seq_len=12, rope_percentage=0.0).build((None, 13, DIM))


def test_mask_of_a_wrong_rank_is_rejected(x):
    with pytest.raises(ValueError, match=r"Received: attention_mask.shape=\(6, 6\)"):
        make()(x, attention_mask=np.ones((LENGTH, LENGTH), bool))


def test_regularizer_acts_on_the_four_kernels():
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1))
    loss = 0.1 * sum(np.sum(kernel**2) for kernel in kernels(layer))
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), loss, rtol=1e-5)


def published(head_dim, *, heads=4, kv_heads=2, norms=False):
    """Random weights in the layout of Transformers."""
    random = np.random.default_rng(5)
    sizes = {"q_proj": (heads * head_dim, DIM), "k_proj": (kv_heads * head_dim, DIM)}
    sizes |= {"v_proj": sizes["k_proj"], "o_proj": (DIM, heads * head_dim)}
    weights = {name: random.normal(scale=0.5, size=size) for name, size in sizes.items()}
    return weights | {name: random.normal(size=head_dim) for name in ("q_norm", "k_norm") if norms}


def load(layer, weights):
    names = {"query": "q", "key": "k", "value": "v", "output": "o"}
    for ours, theirs in names.items():
        getattr(layer, f"{ours}_projection").kernel.assign(weights[f"{theirs}_proj"].T)
    for ours, theirs in {"query_norm": "q_norm", "key_norm": "k_norm"}.items():
        if theirs in weights:
            getattr(layer, ours).scale.assign(weights[theirs])
    return layer


@pytest.mark.parametrize("head_dim", [4, 6])
@pytest.mark.parametrize("norms", [False, True])
@pytest.mark.parametrize(("interleaved", "rotation"), [(False, rotate_halves), (True, rotate_neighbours)])
def test_llama_3_and_qwen_3(interleaved, rotation, norms, head_dim):
    """With the base of the frequencies of LLaMA 3, in the layouts of Transformers and of Meta."""
    x = np.random.default_rng(6).standard_normal((2, 40, DIM)).astype("float32")
    weights = published(head_dim, norms=norms)
    layer = make(
        head_dim=head_dim, use_qk_norm=norms, rope_theta=500000.0, rope_interleaved=interleaved, max_seq_len=64
    )
    expected = llama_attention(x.astype("float64"), weights, head_dim=head_dim, rotate=rotation, theta=500000.0)
    found = numpy(load(layer, weights)(x, use_causal_mask=True))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())
