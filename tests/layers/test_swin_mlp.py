import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import MLPBlock, SwinMLP
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 3, 4, 8)


@pytest.mark.parametrize(("output_dim", "width"), [(None, 8), (6, 6)])
def test_formula(output_dim, width):
    layer = randomized(SwinMLP(12, output_dim), X.shape)
    found = output(layer, X)
    assert found.shape == (2, 3, 4, width)
    assert_accurate(found, ffn.mlp(X.astype("float64"), weights_of(layer.fc1), weights_of(layer.fc2)))


def test_equals_an_mlp_block_with_the_same_weights():
    layer, block = randomized(SwinMLP(12), X.shape), MLPBlock(12, 8)
    block.build(X.shape)
    block.set_weights(layer.get_weights())
    np.testing.assert_array_equal(output(layer, X), output(block, X))


def test_activity_regularizer_acts_once_on_the_output():
    layer = randomized(SwinMLP(12, activity_regularizer=keras.regularizers.L1(0.1)), X.shape)
    y = output(layer, X)
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), 0.1 * np.abs(y).sum() / len(X), rtol=1e-5)
    clone = SwinMLP.from_config(layer.get_config())
    assert clone.activity_regularizer.get_config() == layer.activity_regularizer.get_config()


def test_regularizers_act_on_kernels_and_biases():
    layer = randomized(SwinMLP(12, kernel_regularizer="l2", bias_regularizer="l1"), X.shape)
    kernel1, bias1, kernel2, bias2 = weights_of(layer)
    expected = 0.01 * (np.sum(kernel1**2) + np.sum(kernel2**2) + np.abs(bias1).sum() + np.abs(bias2).sum())
    np.testing.assert_allclose(float(numpy(sum(layer.losses))), expected, rtol=1e-5)


def test_dropouts():
    layer = SwinMLP(1, 32, dropout_rate=0.5, activation="linear", use_bias=False, seed=1)
    x = values(256, 8)
    y, kept = output(layer, x, training=True), output(layer, x)
    vanished = ~np.any(y, axis=1)
    assert 0.35 < vanished.mean() < 0.65
    np.testing.assert_allclose(y[~vanished], np.where(y[~vanished] == 0, 0, 4 * kept[~vanished]), rtol=1e-5)
