import numpy as np
import pytest
from keras import ops

from dl_techniques.initializers import HeOrthonormalInitializer, OrthonormalInitializer


def drawn(shape, **arguments):
    return ops.convert_to_numpy(HeOrthonormalInitializer(**arguments)(shape)).astype("float64")


@pytest.mark.parametrize("shape", [(3, 8), (5, 5), (64, 128)])
@pytest.mark.parametrize("gain", [1.0, np.sqrt(2)])
def test_the_rows_are_orthogonal_and_as_long_as_the_gain(shape, gain):
    rows = drawn(shape, seed=1, gain=gain)
    np.testing.assert_allclose(rows @ rows.T, gain**2 * np.eye(len(rows)), atol=1e-5)


def test_is_orthonormal_unless_told_otherwise():
    expected = ops.convert_to_numpy(OrthonormalInitializer(seed=1)((3, 8)))
    np.testing.assert_array_equal(drawn((3, 8), seed=1), expected)


def test_the_root_of_two_gives_the_variance_of_he():
    np.testing.assert_allclose(np.mean(drawn((64, 128), seed=1, gain=2**0.5) ** 2), 2 / 128, rtol=1e-6)


def test_keeps_the_energy_behind_a_rectifier():
    """What the gain is for: the mean square of `relu(W^T x)` is that of `x`."""
    x = np.random.default_rng(0).standard_normal((4000, 128))
    y = np.maximum(x @ drawn((128, 128), seed=1, gain=2**0.5), 0)
    np.testing.assert_allclose(np.mean(y**2), 1, rtol=0.02)


def test_sizes_may_be_integers_of_numpy():
    rows = HeOrthonormalInitializer(1)((np.int64(3), np.int64(5)))
    np.testing.assert_array_equal(
        ops.convert_to_numpy(rows), ops.convert_to_numpy(HeOrthonormalInitializer(1)((3, 5)))
    )
