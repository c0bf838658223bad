import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import BandLogitNorm
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_oracle(axis):
    axes = tuple(axis) if np.ndim(axis) else axis
    assert_same_function(
        BandLogitNorm(0.3, axis),
        lambda x, gamma, beta: norms.band_logit_norm(x, gamma, beta, max_band_width=0.3, axis=axes),
        values(2, 3, 4),
        ["gamma", "beta"],
    )


def lengths(y):
    return np.linalg.norm(y.astype("float64"), axis=-1)


def test_the_length_stays_in_the_band_and_the_direction_is_kept():
    x = values(64, 8) * np.logspace(-3, 3, 64, dtype="float32")[:, None]
    y = output(BandLogitNorm(0.3), x)
    assert np.all((lengths(y) >= 0.7 - 1e-6) & (lengths(y) <= 1 + 1e-6))
    assert_accurate(y / lengths(y)[:, None], x / lengths(x)[:, None])


def test_longer_inputs_come_out_longer():
    x = values(1, 8) * np.logspace(-1, 1, 32, dtype="float32")[:, None]
    assert np.all(np.diff(lengths(output(BandLogitNorm(0.3), x))) > 0)


@pytest.mark.parametrize("batch", [1, 5])
def test_each_sample_by_itself(batch):
    x = values(8, 4)
    np.testing.assert_allclose(output(BandLogitNorm(), x[:batch]), output(BandLogitNorm(), x)[:batch], rtol=1e-6)


@pytest.mark.parametrize(("beta", "end"), [(-50.0, 0.7), (50.0, 1.0)])
def test_the_ends_of_the_band_are_reached(beta, end):
    layer = BandLogitNorm(0.3)
    layer.build((None, 8))
    layer.beta.assign(beta)
    np.testing.assert_allclose(lengths(output(layer, values(16, 8))), end, rtol=1e-6)


def test_starts_with_gain_one_and_offset_zero():
    layer = BandLogitNorm()
    layer.build((None, 8))
    assert [float(ops.convert_to_numpy(weight.value)) for weight in (layer.gamma, layer.beta)] == [1, 0]
    assert layer.gamma.shape == layer.beta.shape == ()


@pytest.mark.parametrize("jit", [False, True])
def test_zero_stays_zero_with_a_finite_gradient(jit):
    layer = BandLogitNorm()
    zeros = np.zeros((2, 4), "float32")
    layer.build(zeros.shape)
    (y,), gradients = value_and_gradients(layer, [zeros], [values(2, 4)], training=True, jit=jit)
    assert not np.any(ops.convert_to_numpy(y))
    assert all(np.all(np.isfinite(ops.convert_to_numpy(gradient))) for gradient in gradients)
