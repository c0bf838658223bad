import keras
import numpy as np

from dl_techniques.layers import SiLU, xSiLU
from tests.oracles import activations as oracles
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


def test_oracle():
    assert_same_function(xSiLU(), oracles.expanded(oracles.sigmoid), 3 * values(4, 8), ["alpha"])


def test_known_numbers():
    layer = xSiLU(alpha_initializer=keras.initializers.Constant(0.5))
    np.testing.assert_allclose(output(layer, np.float32([1])), [0.962117], atol=1e-6)


def test_starts_as_silu():
    x = 3 * values(4, 8)
    assert_accurate(output(xSiLU(), x), output(SiLU(), x))
