import numpy as np
import pytest

from dl_techniques.regularizers import SoftOrthonormalConstraintRegularizer
from tests.oracles import regularizers as oracles
from tests.oracles.compare import GRADIENT_UNITS, assert_accurate, assert_same_penalty, penalty_and_gradient, values


def pure(strength=1.0, **options):
    return SoftOrthonormalConstraintRegularizer(strength, l2_coefficient=0.0, **options)


@pytest.mark.parametrize("shape", [(6, 4), (3, 5), (2, 3, 4), (2, 2, 3, 4), (2, 1, 2, 3, 4), (5, 1)])
@pytest.mark.parametrize("use_matrix_scaling", [False, True])
def test_oracle(shape, use_matrix_scaling):
    regularizer = SoftOrthonormalConstraintRegularizer(
        0.5, 0.25, l2_coefficient=0.125, use_matrix_scaling=use_matrix_scaling
    )
    elements = shape[-1] ** 2 if use_matrix_scaling else 1
    assert_same_penalty(
        regularizer, lambda w: oracles.soft_orthonormal(w, strength=0.5 / elements, l1=0.25, l2=0.125), values(*shape)
    )


@pytest.mark.parametrize(("shape", "side"), [((6, 4), 4), ((3, 5), 3), ((2, 2, 8), 4)])
def test_auto_takes_the_smaller_side(shape, side):
    def oracle(w):
        w = oracles.columns(w)
        return oracles.soft_orthonormal(w if w.shape[1] == side else w.T, strength=1 / side**2)

    assert_same_penalty(pure(gram="auto", use_matrix_scaling=True), oracle, values(*shape))


def test_known_numbers():
    orthonormal = np.linalg.qr(values(6, 4))[0]
    np.testing.assert_allclose(penalty_and_gradient(pure(), orthonormal)[0], 0, atol=1e-10)
    assert penalty_and_gradient(pure(0.5), np.zeros((6, 4), "float32"))[0] == 0.5 * 4
    assert penalty_and_gradient(pure(0.5), 2 * np.eye(4, dtype="float32"))[0] == 9 * 0.5 * 4


def test_more_outputs_than_inputs_leave_a_rest_unless_the_rows_are_taken():
    rows = np.linalg.qr(values(5, 3))[0].T.copy()
    np.testing.assert_allclose(penalty_and_gradient(pure(), rows)[0], 2, rtol=1e-5)
    np.testing.assert_allclose(penalty_and_gradient(pure(gram="auto"), rows)[0], 0, atol=1e-10)


def test_the_gradient_is_the_one_of_the_formula():
    w = values(6, 4)
    exact = w.astype("float64")
    _, gradient = penalty_and_gradient(pure(0.5), w)
    assert_accurate(gradient, 4 * 0.5 * exact @ (exact.T @ exact - np.eye(4)), GRADIENT_UNITS)


def test_the_gradient_at_the_optimum_is_zero_not_nan():
    _, gradient = penalty_and_gradient(pure(), np.eye(4, 3, dtype="float32"))
    np.testing.assert_array_equal(gradient, 0)


def test_the_l2_part_is_on_by_default():
    w = np.eye(4, dtype="float32")
    found, _ = penalty_and_gradient(SoftOrthonormalConstraintRegularizer(), w)
    np.testing.assert_allclose(found, 4e-4, rtol=1e-6)
