import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import ReLUK
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_oracle(k):
    assert_same_function(ReLUK(k), lambda x: np.maximum(x, 0) ** k, values(4, 8))


def test_known_numbers():
    np.testing.assert_array_equal(output(ReLUK(3), np.float32([-1, 0, 2])), [0, 0, 8])


def test_power_one_is_relu():
    x = values(4, 8)
    np.testing.assert_array_equal(output(ReLUK(1), x), ops.convert_to_numpy(ops.relu(x)))


@pytest.mark.parametrize("k", [2, 3])
def test_the_gradient_is_that_of_a_power_also_at_zero(k):
    x = np.float32([-2, 0, 1, 2])
    layer = ReLUK(k)
    layer.build(x.shape)
    _, (gradient,) = value_and_gradients(layer, [x], [np.ones_like(x)], training=True, jit=True)
    np.testing.assert_array_equal(ops.convert_to_numpy(gradient), k * np.maximum(x, 0) ** (k - 1))


@pytest.mark.parametrize("k", [1, 3])
def test_is_homogeneous(k):
    x = values(4, 8)
    assert_accurate(output(ReLUK(k), 3 * x), 3.0**k * output(ReLUK(k), x))
