import keras

from dl_techniques._checks import check_positive
from dl_techniques._serialization import serializable
from dl_techniques.initializers._orthonormal import OrthonormalRows


@serializable
class HeOrthonormalInitializer(OrthonormalRows):
    """Orthogonal rows for layers with rectifiers.

    With rows of length 1 the variance of an element is `1 / columns`, whatever that of the numbers they were made
    from. The He variance `2 / columns`, which makes up for the half that a rectifier takes away, needs
    `gain=sqrt(2)`; the default keeps the rows orthonormal.

    Formula: `gain` times the Q of the QR decomposition of a matrix of normal numbers, with a positive diagonal of R,
    transposed.

    A seed gives the same numbers on every backend. Without one, each copy of the initializer draws others.

    Args:
        seed: int >= 0, or None.
        gain: float > 0, the length of the rows.

    Input shape:
        `(rows, columns)` with no more rows than columns.

    Output shape:
        That shape.

    Example:

    >>> rows = HeOrthonormalInitializer(seed=1, gain=2.0)((2, 4))
    >>> print(keras.ops.convert_to_numpy(keras.ops.matmul(rows, keras.ops.transpose(rows))).round(4) + 0)
    [[4. 0.]
     [0. 4.]]

    References:
        - He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet Classification",
          arXiv:1502.01852
        - Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
          arXiv:1312.6120
    """

    def __init__(self, seed: int | None = None, gain: float = 1.0):
        super().__init__(seed)
        check_positive(gain=gain)
        self.gain = gain

    def __call__(self, shape, dtype=None):
        return keras.ops.convert_to_tensor(self.gain * self._rows(shape), dtype=dtype or keras.config.floatx())
