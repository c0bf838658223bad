import keras
import numpy as np
from keras import ops
from scipy.stats import norm

from dl_techniques.layers import GELU
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


def test_oracle():
    assert_same_function(GELU(), lambda x: x * norm.cdf(x), 2 * values(4, 8))


def test_known_numbers():
    """With the approximation by tanh the second would be 0.841192."""
    np.testing.assert_allclose(output(GELU(), np.float32([-1, 1])), [-0.158655, 0.841345], atol=1e-6)


def test_equals_the_exact_one_of_keras():
    x = 2 * values(4, 8)
    assert_accurate(output(GELU(), x), ops.convert_to_numpy(keras.activations.gelu(x, approximate=False)))


def test_its_two_sides_differ_by_the_input():
    x = 2 * values(4, 8)
    assert_accurate(output(GELU(), x) - output(GELU(), -x), x)
