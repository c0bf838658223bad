from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.regularizers._kernels import SoftGramRegularizer


@serializable
class SoftOrthogonalConstraintRegularizer(SoftGramRegularizer):
    """Asks the filters of a kernel to be orthogonal, and leaves their lengths free.

    A kernel is taken as a matrix `W` with one column for each output. Depthwise kernels, whose last axis is not the
    outputs, are none of its business.

    Formula, computed in float32 and cast back, with `G = W^T W`:
    `lambda_coefficient * sum_{i != j}(G_ij^2) + l1_coefficient * sum(abs(W)) + l2_coefficient * sum(W^2)`

    Args:
        lambda_coefficient: float >= 0, the strength.
        l1_coefficient: float >= 0.
        l2_coefficient: float >= 0. It is not zero by default; set it to 0 for orthogonality alone.
        use_matrix_scaling: bool, whether to divide the first term by the number of pairs, `outputs^2 - outputs`.

    Input shape:
        That of a kernel of rank 2 to 5, outputs last.

    Output shape:
        A scalar.

    Example:

    >>> penalty = SoftOrthogonalConstraintRegularizer(1.0, l2_coefficient=0.0)
    >>> kernel = keras.ops.convert_to_tensor([[3.0, 4.0, 1.0], [0.0, 0.0, 2.0]])
    >>> float(penalty(kernel[:, 1:])), float(penalty(kernel[:, :2]))
    (32.0, 288.0)

    References:
        Bansal et al., "Can We Gain More from Orthogonality Regularizations in Training Deep CNNs?", arXiv:1810.09102
    """

    def _distance(self, matrix):
        outputs = matrix.shape[-1]
        gram = ops.matmul(ops.transpose(matrix), matrix)
        distance = ops.sum(ops.square(gram * (1 - ops.eye(outputs, dtype=gram.dtype))))
        return distance / max(outputs * (outputs - 1), 1) if self.use_matrix_scaling else distance
