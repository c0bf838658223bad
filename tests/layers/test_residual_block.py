import numpy as np

from dl_techniques.layers import ResidualBlock
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 5, 8)


def make(output_dim=6, **arguments):
    return randomized(ResidualBlock(12, output_dim, **arguments), X.shape)


def test_formula():
    layer = make()
    parts = [weights_of(part) for part in (layer.hidden_layer, layer.output_layer, layer.residual_layer)]
    assert_accurate(output(layer, X), ffn.residual_block(X.astype("float64"), *parts))


def test_without_the_network_it_is_the_linear_skip():
    layer = make()
    layer.output_layer.kernel.assign(np.zeros((12, 6)))
    layer.output_layer.bias.assign(np.zeros(6))
    assert_accurate(output(layer, X), ffn.dense(X.astype("float64"), weights_of(layer.residual_layer)))


def test_a_skip_that_is_the_identity():
    layer = make(output_dim=8)
    layer.residual_layer.kernel.assign(np.eye(8))
    layer.residual_layer.bias.assign(np.zeros(8))
    hidden, project = weights_of(layer.hidden_layer), weights_of(layer.output_layer)
    assert_accurate(output(layer, X), X + ffn.mlp(X.astype("float64"), hidden, project, ffn.relu))


def test_hidden_features_and_skip_do_not_start_equal():
    layer = ResidualBlock(6, 6)
    layer.build(X.shape)
    assert not np.array_equal(weights_of(layer.hidden_layer)[0], weights_of(layer.residual_layer)[0])


def test_dropout_leaves_the_skip_alone():
    """With one hidden feature the output is the skip where that is dropped, else the skip with twice the rest."""
    x = values(256, 8)
    layer = randomized(ResidualBlock(1, 4, dropout_rate=0.5, activation="linear", use_bias=False, seed=1), x.shape)
    skip = output(layer.residual_layer, x)
    y, rest = output(layer, x, training=True), output(layer, x) - skip
    dropped = np.all(np.abs(y - skip) < 1e-5, axis=1)
    assert 0.35 < dropped.mean() < 0.65
    np.testing.assert_allclose(y[~dropped], (skip + 2 * rest)[~dropped], rtol=0, atol=1e-4)


def test_number_of_weights():
    assert make().count_params() == 8 * 12 + 12 + 12 * 6 + 6 + 8 * 6 + 6
    assert make(use_bias=False).count_params() == 8 * 12 + 12 * 6 + 8 * 6
