"""Inputs that break careless formulas. Only what is finite is compared, as values are right in one place only.

An input of integers, token ids for example, stays within its range: no layer promises anything beyond it.
"""

from collections.abc import Callable, Sequence

import numpy as np

Change = Callable[[np.ndarray], np.ndarray]
Range = tuple[int, ...]
"""The lowest value, and the first one that is too high. Nothing where an input stays as it is, as a target does."""

FINITE, NAN, PLUS_INFINITY, MINUS_INFINITY = range(4)


def _entries(value: float) -> Change:
    """Every seventh entry is `value`, with alternating signs."""

    def change(x: np.ndarray) -> np.ndarray:
        changed = x.copy().reshape(-1)
        changed[::7] = value
        changed[::14] = -value
        return changed.reshape(x.shape)

    return change


_VALUES: dict[str, Change] = {
    "zeros": np.zeros_like,
    "constant": lambda x: np.full_like(x, 1.5),
    "huge": _entries(1e30),
    "tiny": lambda x: x * np.float32(1e-30),
    "nan": _entries(np.nan),
    "infinite": _entries(np.inf),
}
_INTEGERS: dict[str, Callable[[np.ndarray, Range], np.ndarray]] = {
    "lowest": lambda x, limits: np.full_like(x, limits[0]),
    "highest": lambda x, limits: np.full_like(x, limits[1] - 1),
}
_BATCHES: dict[str, Change] = {
    "empty batch": lambda x: x[:0],
    "batch of one": lambda x: x[:1],
}
NAMES = (*_VALUES, *_INTEGERS, *_BATCHES)


def names(ranges: Sequence[Range | None]) -> list[str]:
    """Those that change any of the inputs, given the range of each; None for an input that is not of integers."""
    values = [*_VALUES] if None in ranges else []
    integers = [*_INTEGERS] if any(ranges) else []
    return [*values, *integers, *_BATCHES]


def change(name: str, x: np.ndarray, limits: Range | None) -> np.ndarray:
    """Returns the hostile input; what the name does not concern stays as it is."""
    if name in _BATCHES:
        return _BATCHES[name](x)
    if limits is None:
        return _VALUES[name](x) if name in _VALUES else x
    return _INTEGERS[name](x, limits) if limits and name in _INTEGERS else x


def kinds(x: np.ndarray) -> np.ndarray:
    """What each entry is: finite, not a number, plus or minus infinity."""
    codes = np.full(x.shape, FINITE, np.int8)
    codes[np.isnan(x)] = NAN
    codes[np.isposinf(x)] = PLUS_INFINITY
    codes[np.isneginf(x)] = MINUS_INFINITY
    return codes
