"""Inputs that break careless formulas. Only what is finite is compared, as values are right in one place only."""

from collections.abc import Callable

import numpy as np

Change = Callable[[np.ndarray], np.ndarray]

FINITE, NAN, PLUS_INFINITY, MINUS_INFINITY = range(4)


def _entries(value: float) -> Change:
    """Every seventh entry is `value`, with alternating signs."""

    def change(x: np.ndarray) -> np.ndarray:
        changed = x.copy().reshape(-1)
        changed[::7] = value
        changed[::14] = -value
        return changed.reshape(x.shape)

    return change


INPUTS: dict[str, Change] = {
    "zeros": np.zeros_like,
    "constant": lambda x: np.full_like(x, 1.5),
    "huge": _entries(1e30),
    "tiny": lambda x: x * np.float32(1e-30),
    "nan": _entries(np.nan),
    "infinite": _entries(np.inf),
    "empty batch": lambda x: x[:0],
    "batch of one": lambda x: x[:1],
}


def kinds(x: np.ndarray) -> np.ndarray:
    """What each entry is: finite, not a number, plus or minus infinity."""
    codes = np.full(x.shape, FINITE, np.int8)
    codes[np.isnan(x)] = NAN
    codes[np.isposinf(x)] = PLUS_INFINITY
    codes[np.isneginf(x)] = MINUS_INFINITY
    return codes
