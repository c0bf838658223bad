import keras

from dl_techniques._serialization import serializable
from dl_techniques.initializers._orthonormal import OrthonormalRows


@serializable
class OrthonormalInitializer(OrthonormalRows):
    """Rows of length 1 that are orthogonal to each other, any such matrix as probable as any other.

    Formula: the Q of the QR decomposition of a matrix of normal numbers, with a positive diagonal of R, transposed.

    A seed gives the same numbers on every backend. Without one, each copy of the initializer draws others.

    Args:
        seed: int >= 0, or None.

    Input shape:
        `(rows, columns)` with no more rows than columns.

    Output shape:
        That shape.

    Example:

    >>> rows = OrthonormalInitializer(seed=1)((2, 4))
    >>> print(keras.ops.convert_to_numpy(keras.ops.matmul(rows, keras.ops.transpose(rows))).round(4) + 0)
    [[1. 0.]
     [0. 1.]]

    References:
        - Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
          arXiv:1312.6120
        - Mishkin and Matas, "All you need is a good init", arXiv:1511.06422
        - Mezzadri, "How to generate random matrices from the classical compact groups", arXiv:math-ph/0609050
    """

    def __call__(self, shape, dtype=None):
        return keras.ops.convert_to_tensor(self._rows(shape), dtype=dtype or keras.config.floatx())
