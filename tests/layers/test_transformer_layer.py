import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import TransformerLayer
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.ffn import relu
from tests.oracles.transformer import encoder_layer

DIM, HEADS, HIDDEN = 8, 2, 12
X = values(2, 5, DIM)


def make(position="pre", **arguments):
    return randomized(TransformerLayer(DIM, HEADS, HIDDEN, normalization_position=position, **arguments), X.shape)


def projections(layer):
    parts = ("query_projection", "key_projection", "value_projection", "output_projection")
    return [getattr(layer.attention, name) for name in parts]


def expected(layer, x, **options):
    norms = weights_of(layer.attention_norm), weights_of(layer.ffn_norm)
    network = weights_of(layer.ffn.fc1), weights_of(layer.ffn.fc2)
    attention = [weights_of(part) for part in projections(layer)]
    first = layer.normalization_position == "pre"
    return encoder_layer(
        x.astype("float64"), norms, attention, network, num_heads=HEADS, first=first, epsilon=layer.epsilon, **options
    )


@pytest.mark.parametrize("position", ["pre", "post"])
def test_formula(position):
    layer = make(position, epsilon=1e-3)
    assert_accurate(output(layer, X), expected(layer, X), units=64)


def test_activation():
    layer = make(activation="relu")
    assert_accurate(output(layer, X), expected(layer, X, activation=relu), units=64)


@pytest.mark.parametrize("position", ["pre", "post"])
def test_attention_mask(position):
    layer, mask = make(position), np.random.default_rng(0).random((2, 5, 5)) < 0.5
    mask |= np.eye(5, dtype=bool)
    found = output(layer, X, attention_mask=mask)
    assert_accurate(found, expected(layer, X, mask=mask[:, None]), units=64)


@pytest.mark.parametrize("position", ["pre", "post"])
def test_equals_a_composition_of_keras_layers(position):
    layer = make(position)
    attention = keras.layers.MultiHeadAttention(HEADS, DIM // HEADS, flash_attention=False)
    attention.build(X.shape, X.shape)
    weights = layer.attention.get_weights()
    attention.set_weights([w.reshape(theirs.shape) for w, theirs in zip(weights, attention.weights, strict=True)])

    def attend(x):
        return attention(x, x)

    def network(x):
        return layer.ffn.fc2(keras.activations.gelu(layer.ffn.fc1(x)))

    x = keras.ops.convert_to_tensor(X)
    if position == "pre":
        x = x + attend(layer.attention_norm(x))
        x = x + network(layer.ffn_norm(x))
    else:
        x = layer.attention_norm(x + attend(x))
        x = layer.ffn_norm(x + network(x))
    assert_accurate(output(layer, X), numpy(x), units=64)


def test_norms_first_and_no_output_kernels_are_the_identity():
    layer = make()
    for dense in (layer.attention.output_projection, layer.ffn.fc2):
        dense.set_weights([np.zeros(w.shape) for w in dense.weights])
    np.testing.assert_array_equal(output(layer, X), X)


def test_norms_after_the_sums_normalize_the_output():
    y = output(TransformerLayer(DIM, HEADS, HIDDEN, normalization_position="post"), X)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=-1), 1, rtol=1e-4)


@pytest.mark.parametrize("position", ["pre", "post"])
def test_the_future_has_no_influence_under_a_causal_mask(position):
    layer, changed = make(position), X.copy()
    changed[:, 3:] *= -2
    before, after = output(layer, X, use_causal_mask=True), output(layer, changed, use_causal_mask=True)
    np.testing.assert_allclose(after[:, :3], before[:, :3], rtol=0, atol=1e-6)
    assert np.abs(output(layer, changed) - output(layer, X))[:, :3].max() > 1e-3


@pytest.mark.parametrize("position", ["pre", "post"])
def test_padded_tokens_have_no_influence(position):
    layer, changed = make(position), X.copy()
    changed[0, 3:] *= -2
    mask = np.array([[True, True, True, False, False], [True] * 5])
    before, after = output(layer, X, mask=mask), output(layer, changed, mask=mask)
    np.testing.assert_allclose(after[0, :3], before[0, :3], rtol=0, atol=1e-6)


def test_an_embedding_sets_the_padding_mask():
    ids = keras.ops.convert_to_tensor([[3, 4, 5, 0, 0]])
    embedded = keras.layers.Embedding(9, DIM, mask_zero=True)(ids)
    layer = make()
    explicit = output(layer, numpy(embedded), mask=np.array([[True, True, True, False, False]]))
    np.testing.assert_array_equal(numpy(layer(embedded)), explicit)


@pytest.mark.parametrize("loud", ["attention", "ffn"])
def test_dropouts(loud):
    """One part returns ones, the other nothing."""
    x = values(64, 4, DIM)
    layer = randomized(TransformerLayer(DIM, HEADS, HIDDEN, dropout_rate=0.5, seed=1), x.shape)
    for part, dense in {"attention": layer.attention.output_projection, "ffn": layer.ffn.fc2}.items():
        dense.set_weights([np.zeros(dense.kernel.shape), np.full(DIM, float(part == loud))])
    difference = (output(layer, x, training=True) - x).round(4)
    assert set(np.unique(difference)) == {0.0, 2.0}
    assert 0.4 < np.mean(difference > 1) < 0.6


def test_attention_dropout():
    layer, x = make(attention_dropout_rate=0.5, seed=1), values(2, 5, DIM)
    assert np.any(output(layer, x, training=True) != output(layer, x))
    still = make(seed=1)
    np.testing.assert_allclose(output(still, x, training=True), output(still, x), rtol=0, atol=1e-5)


def test_number_of_weights():
    assert make().count_params() == 4 * (64 + 8) + 8 * 12 + 12 + 12 * 8 + 8 + 4 * 8
    assert make(use_bias=False).count_params() == 4 * 64 + 2 * 8 * 12 + 4 * 8


def test_regularizer_acts_on_the_six_kernels():
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1))
    kernels = [weights_of(dense)[0] for dense in (*projections(layer), layer.ffn.fc1, layer.ffn.fc2)]
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), 0.1 * sum(np.sum(k**2) for k in kernels), rtol=1e-5)
