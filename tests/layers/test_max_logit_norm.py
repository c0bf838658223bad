import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import MaxLogitNorm
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_oracle(axis):
    """The length of `n` numbers is their root mean square times the root of `n`."""
    axes = tuple(axis) if np.ndim(axis) else axis
    x = values(2, 3, 4)
    n = np.prod(np.take(x.shape, axes))
    assert_same_function(
        MaxLogitNorm(axis, epsilon=0.1), lambda x: norms.rms_norm(x, axis=axes, epsilon=0.1 / n) / np.sqrt(n), x
    )


def test_known_numbers():
    np.testing.assert_allclose(output(MaxLogitNorm(), np.float32([[3, 4]])), [[0.6, 0.8]], rtol=1e-6)


def test_ignores_the_length_and_never_exceeds_one():
    x = values(16, 8)
    y = output(MaxLogitNorm(epsilon=1e-12), x)
    assert_accurate(output(MaxLogitNorm(epsilon=1e-12), 1000 * x), y)
    assert np.all(np.linalg.norm(output(MaxLogitNorm(), 1e-3 * x), axis=-1) <= 1)


@pytest.mark.parametrize("jit", [False, True])
def test_zero_stays_zero_with_a_finite_gradient(jit):
    layer = MaxLogitNorm()
    zeros = np.zeros((2, 4), "float32")
    layer.build(zeros.shape)
    (y,), (gradient,) = value_and_gradients(layer, [zeros], [values(2, 4)], training=True, jit=jit)
    assert not np.any(ops.convert_to_numpy(y))
    assert np.all(np.isfinite(ops.convert_to_numpy(gradient)))
