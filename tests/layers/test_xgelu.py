import keras
import numpy as np

from dl_techniques.layers import GELU, xGELU
from tests.oracles import activations as oracles
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


def test_oracle():
    assert_same_function(xGELU(), oracles.expanded(oracles.gaussian_gate), 2 * values(4, 8), ["alpha"])


def test_known_numbers():
    layer = xGELU(alpha_initializer=keras.initializers.Constant(0.5))
    np.testing.assert_allclose(output(layer, np.float32([1])), [1.182689], atol=1e-6)


def test_starts_as_gelu():
    x = 2 * values(4, 8)
    assert_accurate(output(xGELU(), x), output(GELU(), x))
