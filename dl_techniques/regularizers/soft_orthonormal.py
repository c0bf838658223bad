from keras import ops

from dl_techniques._checks import check_choice
from dl_techniques._serialization import serializable
from dl_techniques.regularizers._kernels import SoftGramRegularizer, smaller_side_last


@serializable
class SoftOrthonormalConstraintRegularizer(SoftGramRegularizer):
    """Asks the filters of a kernel to be orthogonal and of length 1: the paper's soft orthogonality.

    A kernel is taken as a matrix `W` with one column for each output. More outputs than inputs cannot be orthonormal:
    with `gram="columns"` at least `lambda_coefficient * (outputs - inputs)` then remains. `gram="auto"` asks it of
    the rows in that case, as the authors' code does.

    Formula, computed in float32 and cast back, with `G = W^T W`:
    `lambda_coefficient * sum((G - I)^2) + l1_coefficient * sum(abs(W)) + l2_coefficient * sum(W^2)`

    Args:
        lambda_coefficient: float >= 0, the strength.
        l1_coefficient: float >= 0.
        l2_coefficient: float >= 0. It is not zero by default; set it to 0 for orthonormality alone.
        use_matrix_scaling: bool, whether to divide the first term by the number of elements of `G`.
        gram: "columns", or "auto" for whichever is fewer of columns and rows.

    Input shape:
        That of a kernel of rank 2 to 5, outputs last.

    Output shape:
        A scalar.

    Example:

    >>> penalty = SoftOrthonormalConstraintRegularizer(1.0, l2_coefficient=0.0)
    >>> float(penalty(keras.ops.eye(3))), float(penalty(2 * keras.ops.eye(3)))
    (0.0, 27.0)

    References:
        Bansal et al., "Can We Gain More from Orthogonality Regularizations in Training Deep CNNs?", arXiv:1810.09102
    """

    def __init__(
        self,
        lambda_coefficient: float = 1e-3,
        l1_coefficient: float = 0.0,
        *,
        l2_coefficient: float = 1e-4,
        use_matrix_scaling: bool = False,
        gram: str = "columns",
    ):
        super().__init__(
            lambda_coefficient, l1_coefficient, l2_coefficient=l2_coefficient, use_matrix_scaling=use_matrix_scaling
        )
        check_choice(("columns", "auto"), gram=gram)
        self.gram = gram

    def _distance(self, matrix):
        if self.gram == "auto":
            matrix = smaller_side_last(matrix)
        side = matrix.shape[-1]
        gram = ops.matmul(ops.transpose(matrix), matrix)
        distance = ops.sum(ops.square(gram - ops.eye(side, dtype=gram.dtype)))
        return distance / side**2 if self.use_matrix_scaling else distance
