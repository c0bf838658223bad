import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import xATLU
from tests._frameworks import value_and_gradients
from tests.oracles import activations as oracles
from tests.oracles.compare import assert_same_function, output, values


def test_oracle():
    assert_same_function(xATLU(), oracles.expanded(oracles.arctangent_gate), 3 * values(4, 8), ["alpha"])


@pytest.mark.parametrize(("alpha", "expected"), [(0.0, [-0.25, 0.75]), (0.5, [0.0, 1.0])])
def test_known_numbers(alpha, expected):
    layer = xATLU(alpha_initializer=keras.initializers.Constant(alpha))
    np.testing.assert_allclose(output(layer, np.float32([-1, 1])), expected, atol=1e-6)


@pytest.mark.parametrize("x", [-1e3, -1e4, -1e6])
def test_the_left_asymptote_keeps_its_precision(x):
    """The plain formula is off by a third of a percent at -1e4 and lost at -1e6."""
    np.testing.assert_allclose(output(xATLU(), np.float32([x])), [-1 / np.pi], rtol=1e-6)


def test_at_its_start_the_slope_rises_from_zero_to_one():
    layer = xATLU()
    x = np.linspace(-30, 30, 241, dtype="float32")
    layer.build(x.shape)
    _, (slope, _) = value_and_gradients(layer, [x], [np.ones_like(x)], training=True, jit=False)
    slope = ops.convert_to_numpy(slope)
    assert np.all(np.diff(slope) > 0)
    assert 0 < slope[0] < 1e-4
    assert 1 - 1e-4 < slope[-1] < 1
