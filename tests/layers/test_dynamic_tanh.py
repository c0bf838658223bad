import numpy as np
import pytest

from dl_techniques.layers import DynamicTanh
from tests.oracles import norms
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize(("axis", "shape"), [(-1, (4,)), (1, (3, 1)), ([-1, 1], (3, 4)), ((1, 2), (3, 4))])
def test_oracle(axis, shape):
    assert_same_function(
        DynamicTanh(axis),
        lambda x, alpha, kernel, bias: norms.dynamic_tanh(x, alpha, kernel.reshape(shape), bias.reshape(shape)),
        values(2, 3, 4),
        ["alpha", "kernel", "bias"],
    )


def test_numbers_of_the_sheet():
    np.testing.assert_allclose(output(DynamicTanh(), np.ones((1, 3), "float32")), 0.462117, rtol=1e-6)


def test_starts_odd():
    x = values(4, 8)
    np.testing.assert_allclose(output(DynamicTanh(), -x), -output(DynamicTanh(), x), rtol=1e-6)


def test_is_linear_in_the_middle_and_bounded_outside():
    layer = DynamicTanh(alpha_init_value=2.0, kernel_initializer="random_normal", bias_initializer="random_normal")
    x = values(16, 8)
    layer.build(x.shape)
    kernel, bias = (weight.numpy() for weight in (layer.kernel, layer.bias))
    assert_accurate(output(layer, 1e-3 * x) - bias, 2e-3 * kernel * x, units=1e-4, unit=1)
    np.testing.assert_allclose(output(layer, 1e3 * x), bias + np.sign(x) * kernel, rtol=1e-6)


def test_zero_slope_leaves_the_bias():
    layer = DynamicTanh(alpha_init_value=0.0, bias_initializer="random_normal")
    x = values(4, 8)
    layer.build(x.shape)
    np.testing.assert_array_equal(output(layer, x), np.broadcast_to(layer.bias.numpy(), x.shape))
