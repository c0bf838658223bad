import keras
import numpy as np
import pytest
from keras import ops
from scipy.stats import kstest

from dl_techniques.initializers import OrthonormalInitializer


def drawn(shape, seed=None):
    return ops.convert_to_numpy(OrthonormalInitializer(seed)(shape))


@pytest.mark.parametrize("shape", [(3, 8), (5, 5), (1, 4), (64, 128)])
def test_the_rows_are_orthonormal(shape):
    rows = drawn(shape, seed=1).astype("float64")
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-5)


def test_a_square_matrix_has_determinant_one_up_to_its_sign():
    np.testing.assert_allclose(abs(np.linalg.det(drawn((6, 6), seed=1).astype("float64"))), 1, rtol=1e-5)


def test_the_numbers_are_the_same_on_each_backend():
    """Gram-Schmidt of NumPy's own numbers for that seed."""
    basis = []
    for vector in np.random.default_rng(7).standard_normal((4, 3)).T:
        vector = vector - sum((vector @ other) * other for other in basis)
        basis.append(vector / np.linalg.norm(vector))
    np.testing.assert_allclose(drawn((3, 4), seed=7), basis, atol=1e-6)


@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize("column", [0, 3])
def test_every_element_is_distributed_as_in_a_random_rotation(row, column):
    """In four dimensions each element of a uniform unit vector has the density sqrt(1 - x^2) * 2 / pi."""
    elements = [drawn((3, 4), seed)[row, column] for seed in range(2000)]

    def cumulative(x):
        return 0.5 + (x * np.sqrt(1 - x**2) + np.arcsin(x)) / np.pi

    assert kstest(elements, cumulative).pvalue > 1e-4


def test_without_a_seed_the_global_one_decides():
    draws = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        draws.append(drawn((3, 4)))
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[1], draws[2])


def test_serves_a_layer():
    layer = keras.layers.Dense(8, kernel_initializer=OrthonormalInitializer(seed=1))
    layer.build((None, 3))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.kernel), drawn((3, 8), seed=1))
    with pytest.raises(ValueError, match=r"Received: shape=\(9, 8\)"):
        keras.layers.Dense(8, kernel_initializer=OrthonormalInitializer(seed=1)).build((None, 9))


def test_sizes_may_be_integers_of_numpy():
    rows = OrthonormalInitializer(1)((np.int64(3), np.int64(5)))
    np.testing.assert_array_equal(ops.convert_to_numpy(rows), ops.convert_to_numpy(OrthonormalInitializer(1)((3, 5))))
