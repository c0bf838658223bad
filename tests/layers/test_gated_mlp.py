import keras
import numpy as np
import pytest

from dl_techniques.layers import GatedMLP
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 3, 4, 8)
LAST = {"data_format": "channels_last"}


def make(**arguments):
    return randomized(GatedMLP(6, **{**LAST, **arguments}), X.shape)


def expected(layer, x, activation, output_activation=lambda y: y):
    gate, up, down = (weights_of(part) for part in (layer.gate, layer.up, layer.down))
    x = x.astype("float64")
    return output_activation(ffn.dense(activation(ffn.dense(x, gate)) * activation(ffn.dense(x, up)), down))


@pytest.mark.parametrize(
    ("activation", "oracle"),
    [("relu", ffn.relu), ("gelu", ffn.gelu), ("silu", ffn.silu), ("linear", lambda x: x)],
)
def test_both_branches_are_activated(activation, oracle):
    layer = make(attention_activation=activation)
    assert_accurate(output(layer, X), expected(layer, X, oracle))


def test_output_activation():
    layer = make(output_activation="tanh")
    assert_accurate(output(layer, X), expected(layer, X, ffn.relu, np.tanh))


def test_channels_first_is_the_same_on_moved_axes():
    layer, first = make(), GatedMLP(6, data_format="channels_first")
    x = np.moveaxis(X, -1, 1)
    first.build(x.shape)
    first.set_weights(layer.get_weights())
    found = output(first, x)
    assert found.shape == (2, 6, 3, 4)
    np.testing.assert_allclose(found, np.moveaxis(output(layer, X), -1, 1), rtol=0, atol=1e-6)


def test_the_data_format_is_that_of_keras_unless_given():
    before = keras.config.image_data_format()
    try:
        keras.config.set_image_data_format("channels_first")
        layer = GatedMLP(6)
    finally:
        keras.config.set_image_data_format(before)
    assert layer.get_config()["data_format"] == "channels_first"
    assert layer.compute_output_shape((2, 8, 3, 4)) == (2, 6, 3, 4)


def test_without_bias_relu_is_homogeneous_of_degree_two():
    layer = make(use_bias=False)
    assert_accurate(output(layer, 3 * X), 9 * output(layer, X))


def test_pixels_do_not_mix():
    layer, changed = make(), X.copy()
    changed[0, 1, 2] += 1
    differs = np.any(output(layer, changed) != output(layer, X), axis=-1)
    assert np.argwhere(differs).tolist() == [[0, 1, 2]]


def test_gate_and_value_do_not_start_equal():
    layer = GatedMLP(6, **LAST)
    layer.build(X.shape)
    assert not np.array_equal(weights_of(layer.gate)[0], weights_of(layer.up)[0])


def test_number_of_weights():
    assert make().count_params() == 2 * (8 * 6 + 6) + 6 * 6 + 6
    assert make(use_bias=False).count_params() == 2 * 8 * 6 + 6 * 6
