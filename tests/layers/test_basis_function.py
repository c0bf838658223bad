import numpy as np

from dl_techniques.layers import BasisFunction, SiLU
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


def test_oracle():
    assert_same_function(BasisFunction(), lambda x: x / (1 + np.exp(-x)), 3 * values(4, 8))


def test_known_numbers():
    np.testing.assert_allclose(output(BasisFunction(), np.float32([-1, 0])), [-0.268941, 0], atol=1e-6)


def test_equals_silu():
    x = 3 * values(4, 8)
    np.testing.assert_array_equal(output(BasisFunction(), x), output(SiLU(), x))


def test_its_two_sides_differ_by_the_input():
    x = 3 * values(4, 8)
    assert_accurate(output(BasisFunction(), x) - output(BasisFunction(), -x), x)
