import numpy as np
import pytest
from scipy.special import expit

from dl_techniques.layers import GLUFFN
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 5, 8)


def make(**arguments):
    return randomized(GLUFFN(12, 6, **arguments), X.shape)


@pytest.mark.parametrize(
    ("activation", "oracle"),
    [
        ({}, expit),
        ({"activation": "linear"}, lambda x: x),
        ({"activation": "relu"}, ffn.relu),
        ({"activation": "gelu"}, ffn.gelu),
        ({"activation": "silu"}, ffn.silu),
    ],
)
def test_the_variants_of_the_paper(activation, oracle):
    layer = make(**activation)
    parts = [weights_of(part) for part in (layer.gate_proj, layer.value_proj, layer.output_proj)]
    assert_accurate(output(layer, X), ffn.gated(X.astype("float64"), *parts, oracle))


def test_bilinear_grows_with_the_square():
    layer = make(activation="linear", use_bias=False)
    assert_accurate(output(layer, 3 * X), 9 * output(layer, X))


def test_a_closed_gate_leaves_the_bias():
    layer = make()
    layer.gate_proj.bias.assign(np.full(12, -1e4))
    bias = weights_of(layer.output_proj)[1]
    np.testing.assert_allclose(output(layer, X), np.broadcast_to(bias, (2, 5, 6)), rtol=1e-6)


def test_dropout_acts_on_the_gated_features():
    x = values(256, 8)
    layer = randomized(GLUFFN(1, 4, dropout_rate=0.5, use_bias=False, seed=1), x.shape)
    y, kept = output(layer, x, training=True), output(layer, x)
    dropped = ~np.any(y, axis=1)
    assert 0.35 < dropped.mean() < 0.65
    np.testing.assert_allclose(y[~dropped], 2 * kept[~dropped], rtol=1e-5)


def test_number_of_weights():
    assert make().count_params() == 2 * (8 * 12 + 12) + 12 * 6 + 6
    assert make(use_bias=False).count_params() == 2 * 8 * 12 + 12 * 6
