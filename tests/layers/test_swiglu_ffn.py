import numpy as np
import pytest

from dl_techniques.layers import GLUFFN, SwiGLUFFN
from tests.oracles import ffn
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 5, 8)


def make(**arguments):
    return randomized(SwiGLUFFN(8, 3, ffn_multiple_of=5, **arguments), X.shape)


@pytest.mark.parametrize("use_bias", [False, True])
def test_formula(use_bias):
    layer = make(use_bias=use_bias)
    parts = [weights_of(part) for part in (layer.gate_proj, layer.up_proj, layer.down_proj)]
    parts = [part if use_bias else [*part, 0.0] for part in parts]
    assert_accurate(output(layer, X), ffn.gated(X.astype("float64"), *parts, ffn.silu))


@pytest.mark.parametrize(
    ("d_model", "factor", "multiple", "width"),
    [
        (64, 4, 256, 256),
        (192, 4, 256, 512),
        (384, 4, 256, 1024),
        (512, 4, 256, 1536),
        (768, 4, 256, 2048),
        (1024, 4, 256, 2816),
        (768, 8, 128, 4096),
        (4096, 4, 256, 11008),  # LLaMA 7B
        (1, 1, 1, 1),
    ],
)
def test_width_of_the_hidden_features(d_model, factor, multiple, width):
    assert SwiGLUFFN(d_model, factor, ffn_multiple_of=multiple).hidden_dim == width


def test_number_of_weights():
    assert make().hidden_dim == 20
    assert make().count_params() == 3 * 8 * 20
    assert make(use_bias=True).count_params() == 3 * 8 * 20 + 2 * 20 + 8


def test_equals_the_gated_network_with_silu():
    layer, other = make(), GLUFFN(20, 8, activation="silu", use_bias=False)
    other.build(X.shape)
    other.set_weights(layer.get_weights())
    assert_accurate(output(layer, X), output(other, X))


def test_without_an_up_projection_nothing_passes():
    layer = make()
    layer.up_proj.kernel.assign(np.zeros((8, 20)))
    assert not output(layer, X).any()


def test_large_inputs_grow_with_the_square():
    """Far from zero the gate is the identity or zero."""
    layer = make()
    assert_accurate(output(layer, 2e4 * X), 4 * output(layer, 1e4 * X))


def test_dropout_acts_on_the_output():
    x = np.ones((64, 8), "float32")
    layer = randomized(SwiGLUFFN(8, ffn_multiple_of=8, dropout_rate=0.5, seed=1), x.shape)
    y, kept = output(layer, x, training=True), output(layer, x)
    assert 0.4 < np.mean(y == 0) < 0.6
    np.testing.assert_allclose(y, np.where(y == 0, 0, 2 * kept), rtol=1e-5)
