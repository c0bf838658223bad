import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import DiffFFN2
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 5, 8)


def make(**arguments):
    return randomized(DiffFFN2(12, 6, **arguments), X.shape)


def expected(layer):
    features = layer.positive_branch, layer.positive_branch if layer.share_weights else layer.negative_branch
    gates = layer.positive_proj, layer.negative_proj
    branches = [[weights_of(f), weights_of(g)] for f, g in zip(features, gates, strict=True) if g is not None]
    gain, output = weights_of(layer.norm)[0], weights_of(layer.output_proj)
    return ffn.differential2(X.astype("float64"), branches, gain, output, layer.gate_temperature)


@pytest.mark.parametrize(
    "arguments", [{}, {"share_weights": True}, {"use_diff": False}, {"gate_temperature": 2.5}], ids=str
)
def test_formula(arguments):
    layer = make(**arguments)
    assert_accurate(output(layer, X), expected(layer)[0], units=64)


def test_the_difference_too():
    layer = make(return_diff=True)
    for found, wanted in zip(layer(X), expected(layer), strict=True):
        assert_accurate(numpy(found), wanted, units=64)


def test_equal_gates_on_shared_features_leave_the_bias():
    layer = make(share_weights=True)
    layer.negative_proj.set_weights(layer.positive_proj.get_weights())
    bias = weights_of(layer.output_proj)[1]
    np.testing.assert_allclose(output(layer, X), np.broadcast_to(bias, (2, 5, 6)), rtol=1e-6)


def test_a_hot_gate_tells_nothing_apart():
    layer = make(gate_temperature=1e9)
    bias = weights_of(layer.output_proj)[1]
    np.testing.assert_allclose(output(layer, X), np.broadcast_to(bias, (2, 5, 6)), rtol=0, atol=1e-4)


def test_a_fresh_layer_does_something():
    assert np.abs(output(DiffFFN2(12, 6), X)).mean() > 0.1


def test_dropout_acts_on_the_difference_that_is_not_returned():
    x = values(256, 8)
    layer = DiffFFN2(2, 32, activation="tanh", dropout_rate=0.5, use_bias=False, return_diff=True, seed=1)
    (y, difference), (kept, undropped) = layer(x, training=True), layer(x)
    np.testing.assert_array_equal(numpy(difference), numpy(undropped))
    ratio = np.median(numpy(y) / numpy(kept), axis=1)
    shares = [np.mean(np.isclose(ratio, value, atol=0.05)) for value in (0.0, 2.0)]
    assert all(0.15 < share < 0.35 for share in shares)


def test_number_of_weights():
    branch, proj, rest = 8 * 12 + 12, 12 * 12 + 12, 12 + 12 * 6 + 6
    assert make().count_params() == 2 * branch + 2 * proj + rest
    assert make(share_weights=True).count_params() == branch + 2 * proj + rest
    assert make(use_diff=False).count_params() == branch + proj + rest
