import random

import keras
import numpy as np

from dl_techniques._checks import check_non_negative_int, is_int


class OrthonormalRows(keras.initializers.Initializer):
    """Draws orthonormal rows, uniformly distributed, with NumPy: the same numbers on each backend."""

    def __init__(self, seed: int | None = None):
        if seed is not None:
            check_non_negative_int(seed=seed)
        self.seed = seed
        # As Keras' own do: without a seed, one is drawn from the source that `keras.utils.set_random_seed` sets.
        self._drawn_seed = random.randrange(2**31) if seed is None else seed

    def _rows(self, shape) -> np.ndarray:
        _check_shape(shape)
        rows, columns = shape
        gaussian = np.random.default_rng(self._drawn_seed).standard_normal((columns, rows))
        q, r = np.linalg.qr(gaussian)
        # Without the signs the distribution would depend on the QR algorithm.
        return (q * np.where(np.diag(r) < 0, -1.0, 1.0)).T


def _check_shape(shape) -> None:
    if len(shape) != 2 or any(not is_int(size) or size < 1 for size in shape) or shape[0] > shape[1]:
        raise ValueError(
            f"The shape must be two positive integers, the first at most the second. Received: shape={shape}"
        )
