import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import ConvolutionalTransformerBlock, TransformerLayer
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.ffn import layer_norm, mlp, relu
from tests.oracles.transformer import self_attention

DIM, HEADS = 8, 2
X = values(2, 3, 4, DIM)
PROJECTIONS = "query_projection", "key_projection", "value_projection", "output_projection"


def make(**arguments):
    layer = ConvolutionalTransformerBlock(DIM, HEADS, **{"mlp_ratio": 1.5, **arguments})
    return randomized(layer, (None, 3, 4, DIM))


@pytest.mark.parametrize("use_gamma", [False, True])
def test_formula(use_gamma):
    layer = make(use_gamma=use_gamma)
    gains = [weights_of(g)[0] for g in (layer.attention_gamma, layer.mlp_gamma)] if use_gamma else [1.0, 1.0]
    projections = [weights_of(getattr(layer.attention, name)) for name in PROJECTIONS]
    network = weights_of(layer.expand), weights_of(layer.project)
    x = X.astype("float64").reshape(2, 12, DIM)
    tokens = layer_norm(x, *weights_of(layer.attention_norm), epsilon=1e-6)
    x = x + gains[0] * self_attention(tokens, *projections, num_heads=HEADS)
    x = x + gains[1] * mlp(layer_norm(x, *weights_of(layer.mlp_norm), epsilon=1e-6), *network, relu)
    assert_accurate(output(layer, X), x.reshape(X.shape), units=64)


def test_is_a_transformer_layer_on_the_pixels():
    layer, other = make(), TransformerLayer(DIM, HEADS, 12, activation="relu")
    other.build((None, 12, DIM))
    other.set_weights(layer.get_weights())
    assert_accurate(output(layer, X), output(other, X.reshape(2, 12, DIM)).reshape(X.shape), units=64)


def test_permuted_pixels_give_a_permuted_output():
    np.testing.assert_allclose(output(make(), X[:, ::-1].copy()), output(make(), X)[:, ::-1], rtol=0, atol=1e-5)


def test_one_pixel_attends_to_itself():
    layer, x = make(), values(2, 1, 1, DIM)
    tokens = layer_norm(x.astype("float64"), *weights_of(layer.attention_norm), epsilon=1e-6)
    value, project = (weights_of(getattr(layer.attention, name)) for name in PROJECTIONS[2:])
    y = x + mlp(tokens, value, project, lambda v: v)
    y = y + mlp(
        layer_norm(y, *weights_of(layer.mlp_norm), epsilon=1e-6),
        weights_of(layer.expand),
        weights_of(layer.project),
        relu,
    )
    assert_accurate(output(layer, x), y, units=64)


def test_no_output_kernels_are_the_identity():
    layer = make()
    for dense in (layer.attention.output_projection, layer.project):
        dense.set_weights([np.zeros(w.shape) for w in dense.weights])
    np.testing.assert_array_equal(output(layer, X), X)


def test_no_gains_are_the_identity():
    layer = make(use_gamma=True)
    for gamma in (layer.attention_gamma, layer.mlp_gamma):
        gamma.set_weights([np.zeros(DIM)])
    np.testing.assert_array_equal(output(layer, X), X)


def test_the_branches_have_gains_of_their_own():
    layer = make(use_gamma=True)
    layer.attention_gamma.set_weights([np.zeros(DIM)])
    assert np.any(output(layer, X) != X)


def test_dropout_acts_inside_the_network():
    layer = ConvolutionalTransformerBlock(DIM, HEADS, mlp_ratio=1 / 8, dropout_rate=0.5, seed=1)
    x = values(256, 1, 1, DIM)
    randomized(layer, x.shape)
    layer.attention.output_projection.set_weights([np.zeros((DIM, DIM)), np.zeros(DIM)])
    layer.expand.set_weights([np.zeros((DIM, 1)), np.ones(1)])
    layer.project.set_weights([np.ones((1, DIM)), np.zeros(DIM)])
    difference = (output(layer, x, training=True) - x).round(4)
    assert np.all(np.ptp(difference.reshape(256, DIM), axis=1) == 0)
    assert set(np.unique(difference)) == {0.0, 2.0}


def test_attention_dropout_acts_in_training_only():
    layer = make(attention_dropout_rate=0.5, seed=1)
    assert np.any(output(layer, X, training=True) != output(make(), X))
    np.testing.assert_array_equal(output(layer, X), output(make(), X))


def test_images_of_unknown_size():
    layer = ConvolutionalTransformerBlock(DIM, HEADS)
    assert layer(keras.Input((None, None, DIM))).shape == (None, None, None, DIM)
    assert output(layer, X).shape == X.shape


def test_regularizers():
    layer = make(use_gamma=True, kernel_regularizer=keras.regularizers.L2(0.1))
    denses = [getattr(layer.attention, name) for name in PROJECTIONS] + [layer.expand, layer.project]
    loss = 0.1 * sum(np.sum(weights_of(dense)[0] ** 2) for dense in denses)
    loss += 0.01 * sum(np.sum(weights_of(gamma)[0] ** 2) for gamma in (layer.attention_gamma, layer.mlp_gamma))
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), loss, rtol=1e-5)


def test_kernels_start_small():
    layer = ConvolutionalTransformerBlock(64, 4)
    layer.build((None, 3, 4, 64))
    for weight in layer.trainable_weights:
        if weight.name == "kernel":
            np.testing.assert_allclose(numpy(weight).std(), 0.88 * 0.02, rtol=0.05)


def test_number_of_weights():
    assert make().count_params() == 4 * (64 + 8) + 2 * 8 * 12 + 12 + 8 + 4 * 8
    assert make(use_bias=False).count_params() == 4 * 64 + 2 * 8 * 12 + 2 * 8
    assert make(use_gamma=True).count_params() == make().count_params() + 2 * 8
