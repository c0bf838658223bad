import numpy as np
import pytest

from dl_techniques.regularizers import SoftOrthogonalConstraintRegularizer
from tests.oracles import regularizers as oracles
from tests.oracles.compare import assert_same_penalty, penalty_and_gradient, values


@pytest.mark.parametrize("shape", [(6, 4), (3, 5), (2, 3, 4), (2, 2, 3, 4), (2, 1, 2, 3, 4), (5, 1)])
@pytest.mark.parametrize("use_matrix_scaling", [False, True])
def test_oracle(shape, use_matrix_scaling):
    regularizer = SoftOrthogonalConstraintRegularizer(
        0.5, 0.25, l2_coefficient=0.125, use_matrix_scaling=use_matrix_scaling
    )
    pairs = max(shape[-1] * (shape[-1] - 1), 1) if use_matrix_scaling else 1
    assert_same_penalty(
        regularizer, lambda w: oracles.soft_orthogonal(w, strength=0.5 / pairs, l1=0.25, l2=0.125), values(*shape)
    )


def test_orthogonal_columns_of_any_length_cost_only_the_l2_part():
    w = np.linalg.qr(values(6, 4))[0] * np.float32([0.1, 1, 2, 3])
    found, _ = penalty_and_gradient(SoftOrthogonalConstraintRegularizer(1.0), w.astype("float32"))
    np.testing.assert_allclose(found, 1e-4 * np.sum(w**2), rtol=1e-5)
    found, _ = penalty_and_gradient(SoftOrthogonalConstraintRegularizer(1.0, l2_coefficient=0), w.astype("float32"))
    np.testing.assert_allclose(found, 0, atol=1e-10)


def test_a_convolution_costs_what_its_matrix_costs():
    w = values(3, 3, 2, 5)
    regularizer = SoftOrthogonalConstraintRegularizer(1.0)
    assert np.equal(*(penalty_and_gradient(regularizer, x)[0] for x in (w, w.reshape(18, 5))))


@pytest.mark.parametrize("w", [np.eye(4, 3), np.zeros((4, 3))])
def test_the_gradient_at_the_optimum_is_zero_not_nan(w):
    _, gradient = penalty_and_gradient(SoftOrthogonalConstraintRegularizer(1.0, l2_coefficient=0), np.float32(w))
    np.testing.assert_array_equal(gradient, 0)
