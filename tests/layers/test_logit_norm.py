import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import LogitNorm
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import BFLOAT16_UNIT, assert_accurate, assert_same_function, output, rounded, values


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_oracle(axis):
    axes = tuple(axis) if np.ndim(axis) else axis
    layer = LogitNorm(0.5, axis)
    assert_same_function(layer, lambda x: norms.logit_norm(x, temperature=0.5, axis=axes), values(2, 3, 4))


def test_oracle_below_the_floor():
    layer = LogitNorm(0.5, epsilon=100.0)
    assert_same_function(layer, lambda x: norms.logit_norm(x, temperature=0.5, epsilon=100.0), values(3, 4))


def test_known_numbers():
    found = output(LogitNorm(), np.float32([[3, 4]]))
    np.testing.assert_allclose(found, [[15, 20]], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found), 25, rtol=1e-6)


def test_keeps_the_class_and_ignores_the_length():
    x = values(16, 8)
    np.testing.assert_array_equal(output(LogitNorm(), x).argmax(axis=-1), x.argmax(axis=-1))
    assert_accurate(output(LogitNorm(), 1000 * x), output(LogitNorm(), x))


@pytest.mark.parametrize("jit", [False, True])
def test_zero_stays_zero_with_a_finite_gradient(jit):
    layer = LogitNorm()
    zeros = np.zeros((2, 4), "float32")
    layer.build(zeros.shape)
    (y,), (gradient,) = value_and_gradients(layer, [zeros], [values(2, 4)], training=True, jit=jit)
    assert not np.any(ops.convert_to_numpy(y))
    assert np.all(np.isfinite(ops.convert_to_numpy(gradient)))


def test_low_precision_is_lost_only_in_the_last_step():
    x = 100 * values(4, 512)
    expected = norms.logit_norm(rounded(x, "bfloat16"), temperature=0.04)
    found = output(LogitNorm(dtype="bfloat16"), ops.cast(x, "bfloat16"))
    assert_accurate(found, expected, units=0.51, unit=BFLOAT16_UNIT)
