import numpy as np
import pytest

from dl_techniques.layers import TransformerLayer, VisionTransformerLayer
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.transformer import encoder_layer

DIM, HEADS = 8, 2
X = values(2, 5, DIM)


def make(**arguments):
    return randomized(VisionTransformerLayer(DIM, HEADS, **{"mlp_ratio": 1.5, **arguments}), X.shape)


def test_formula():
    layer = make()
    names = "query_projection", "key_projection", "value_projection", "output_projection"
    expected = encoder_layer(
        X.astype("float64"),
        [weights_of(layer.attention_norm), weights_of(layer.ffn_norm)],
        [weights_of(getattr(layer.attention, name)) for name in names],
        [weights_of(layer.ffn.fc1), weights_of(layer.ffn.fc2)],
        num_heads=HEADS,
    )
    assert_accurate(output(layer, X), expected, units=64)


def test_is_a_transformer_layer_with_its_norms_first():
    layer, other = make(), TransformerLayer(DIM, HEADS, 12)
    other.build(X.shape)
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(output(layer, X), output(other, X))


def test_permuted_tokens_give_a_permuted_output():
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(output(make(), X[:, order]), output(make(), X)[:, order], rtol=0, atol=1e-5)


def test_no_output_kernels_are_the_identity():
    layer = make()
    for dense in (layer.attention.output_projection, layer.ffn.fc2):
        dense.set_weights([np.zeros(w.shape) for w in dense.weights])
    np.testing.assert_array_equal(output(layer, X), X)


def test_without_dropout_training_is_inference():
    np.testing.assert_allclose(output(make(), X, training=True), output(make(), X), rtol=0, atol=1e-5)
    assert np.any(output(make(dropout_rate=0.5, seed=1), X, training=True) != output(make(), X))


@pytest.mark.parametrize(("mlp_ratio", "hidden"), [(4.0, 32), (1.5, 12), (0.3, 2)])
def test_number_of_weights(mlp_ratio, hidden):
    layer = make(mlp_ratio=mlp_ratio)
    assert layer.count_params() == 4 * (64 + 8) + 2 * 8 * hidden + hidden + 8 + 4 * 8
    assert layer.get_config()["mlp_ratio"] == mlp_ratio
