import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import ComplexConv2D, ComplexDense, ComplexReLU
from tests.oracles.compare import assert_same_function, output, values
from tests.oracles.complex_numbers import packed, unpacked


def oracle(x):
    z = unpacked(x)
    return packed(np.where(z.real > 0, z.real, 0) + 1j * np.where(z.imag > 0, z.imag, 0))


@pytest.mark.parametrize("shape", [(6, 8), (2, 3, 4, 6)])
def test_formula_and_gradient(shape):
    assert_same_function(ComplexReLU(), oracle, values(*shape))


@pytest.mark.parametrize(
    ("number", "expected"), [(3 + 4j, 3 + 4j), (-3 + 4j, 4j), (-3 - 4j, 0), (3 - 4j, 3), (-2, 0), (-2j, 0)]
)
def test_each_quadrant(number, expected):
    y = output(ComplexReLU(), np.array([[number.real, number.imag]], "float32"))
    np.testing.assert_array_equal(y, [[np.real(expected), np.imag(expected)]])


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("make", [ComplexReLU, lambda: ComplexDense(2), lambda: ComplexConv2D(2, 3)])
def test_complex_tensors_are_refused(make, channels):
    """They would lose their imaginary parts, or be taken for packed ones."""
    for x in (
        ops.convert_to_tensor(np.ones((1, 5, 5, channels), "complex64")),
        np.ones((1, 5, 5, channels), "complex128"),
        keras.Input((5, 5, channels), dtype="complex64"),
    ):
        with pytest.raises(ValueError, match=r"must be real: .* the real parts .* Received: dtype=.*complex"):
            make()(x)
