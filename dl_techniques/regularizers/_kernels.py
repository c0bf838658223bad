"""Kernels seen as matrices, and what both soft orthogonality regularizers share."""

import math

import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_rank
from dl_techniques._precision import at_least_float32


def as_matrix(kernel):
    """A kernel of rank 2 to 5 as `(inputs, outputs)`, in float32 at least."""
    shape = tuple(kernel.shape)
    check_rank(shape, 2, 3, 4, 5)
    return ops.reshape(at_least_float32(kernel), (math.prod(shape[:-1]), shape[-1]))


def smaller_side_last(matrix):
    """The matrix or its transpose, so that its columns can be orthonormal."""
    return ops.transpose(matrix) if matrix.shape[0] < matrix.shape[1] else matrix


class SoftGramRegularizer(keras.regularizers.Regularizer):
    """`lambda * distance(gram) + l1 * sum(abs(w)) + l2 * sum(w^2)`, of the inner products of the columns."""

    def __init__(
        self,
        lambda_coefficient: float = 1e-3,
        l1_coefficient: float = 0.0,
        *,
        l2_coefficient: float = 1e-4,
        use_matrix_scaling: bool = False,
    ):
        check_non_negative(
            lambda_coefficient=lambda_coefficient, l1_coefficient=l1_coefficient, l2_coefficient=l2_coefficient
        )
        self.lambda_coefficient = lambda_coefficient
        self.l1_coefficient = l1_coefficient
        self.l2_coefficient = l2_coefficient
        self.use_matrix_scaling = use_matrix_scaling

    def __call__(self, x):
        matrix = as_matrix(x)
        loss = self.lambda_coefficient * self._distance(matrix)
        loss = loss + keras.regularizers.L1L2(self.l1_coefficient, self.l2_coefficient)(matrix)
        return ops.cast(loss, x.dtype)

    def _distance(self, matrix):
        raise NotImplementedError
