import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import MLPBlock
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 5, 8)


def make(**arguments):
    return randomized(MLPBlock(12, 6, **arguments), X.shape)


@pytest.mark.parametrize(
    ("activation", "oracle"), [("gelu", ffn.gelu), ("silu", ffn.silu), ("relu", ffn.relu), ("linear", lambda x: x)]
)
def test_formula(activation, oracle):
    layer = make(activation=activation)
    expected = ffn.mlp(X.astype("float64"), weights_of(layer.fc1), weights_of(layer.fc2), oracle)
    assert_accurate(output(layer, X), expected)


def test_the_default_activation_is_the_exact_gelu():
    layer = MLPBlock(1, 1, use_bias=False, kernel_initializer="ones")
    np.testing.assert_allclose(output(layer, [[1.0]]), [[0.841345]], atol=5e-7)


def test_equals_two_keras_layers():
    layer = make()
    theirs = keras.Sequential([keras.layers.Dense(12, activation="gelu"), keras.layers.Dense(6)])
    theirs.build(X.shape)
    theirs.set_weights(layer.get_weights())
    assert_accurate(output(layer, X), output(theirs, X))


def test_a_linear_activation_gives_the_product_of_the_kernels():
    layer = make(activation="linear", use_bias=False)
    (first,), (second,) = weights_of(layer.fc1), weights_of(layer.fc2)
    assert_accurate(output(layer, X), X @ (first @ second))


def test_any_number_of_axes_before_the_features():
    layer = make()
    x = values(2, 3, 4, 8)
    assert_accurate(output(layer, x), output(layer, x.reshape(-1, 8)).reshape(2, 3, 4, 6))


def test_dropout_of_the_output():
    x = values(64, 8)
    layer = MLPBlock(4, 32, dropout_rate=0.5, activation="linear", seed=1)
    layer.build(x.shape)
    layer.fc1.kernel.assign(np.zeros((8, 4)))  # Nothing that the first dropout could change.
    layer.fc2.bias.assign(np.ones(32))
    y = output(layer, x, training=True)
    assert set(np.unique(y)) == {0.0, 2.0}
    assert 0.4 < np.mean(y == 0) < 0.6
    np.testing.assert_array_equal(output(layer, x), 1.0)


def test_dropout_of_the_hidden_features_differs_from_that_of_the_output():
    """With one hidden feature a row of the output vanishes as a whole where that feature is dropped."""
    x = values(256, 8)
    layer = MLPBlock(1, 32, dropout_rate=0.5, activation="linear", use_bias=False, seed=1)
    y, kept = output(layer, x, training=True), output(layer, x)
    vanished = ~np.any(y, axis=1)
    assert 0.35 < vanished.mean() < 0.65
    np.testing.assert_allclose(y[~vanished], np.where(y[~vanished] == 0, 0, 4 * kept[~vanished]), rtol=1e-5)


def test_the_two_dropouts_draw_different_numbers():
    """Both at a rate of one half leave a quarter; the same draw twice would leave a half."""
    layer = MLPBlock(32, 32, dropout_rate=0.5, activation="linear", seed=1)
    layer.build((64, 8))
    layer.fc1.set_weights([np.zeros((8, 32)), np.ones(32)])
    layer.fc2.set_weights([np.eye(32), np.zeros(32)])
    y = output(layer, values(64, 8), training=True)
    assert set(np.unique(y)) == {0.0, 4.0}
    assert 0.2 < np.mean(y != 0) < 0.3


def test_number_of_weights():
    assert make().count_params() == 8 * 12 + 12 + 12 * 6 + 6
    assert make(use_bias=False).count_params() == 8 * 12 + 12 * 6


def test_regularizer_acts_on_the_kernels():
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1))
    kernels = weights_of(layer.fc1)[0], weights_of(layer.fc2)[0]
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), 0.1 * sum(np.sum(k**2) for k in kernels), rtol=1e-5)


def test_padding_masks_pass_through():
    x = keras.Input((5,))
    assert MLPBlock(4, 4)(keras.layers.Embedding(9, 8, mask_zero=True)(x))._keras_mask is not None
