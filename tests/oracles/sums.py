"""Sums in float32 in the orders of the frameworks, and how far statistics say that they err."""

import numpy as np


def one_after_the_other(terms: np.ndarray) -> np.ndarray:
    return np.cumsum(terms, axis=-1, dtype=terms.dtype)[..., -1]


def pairwise(terms: np.ndarray) -> np.ndarray:
    while terms.shape[-1] > 1:
        odd = terms[..., terms.shape[-1] // 2 * 2 :]
        terms = np.concatenate([terms[..., :-1:2] + terms[..., 1::2], odd], axis=-1)
    return terms[..., 0]


def blocked(terms: np.ndarray, size: int = 256) -> np.ndarray:
    """Blocks of terms one after the other, then their sums."""
    blocks = [one_after_the_other(terms[..., i : i + size]) for i in range(0, terms.shape[-1], size)]
    return one_after_the_other(np.stack(blocks, axis=-1))


def lanes(terms: np.ndarray, count: int = 8) -> np.ndarray:
    """As vector instructions add: `count` sums side by side, each one term after the other."""
    return one_after_the_other(np.stack([one_after_the_other(terms[..., i::count]) for i in range(count)], axis=-1))


ORDERS = {
    "one after the other": one_after_the_other,
    "backwards": lambda terms: one_after_the_other(terms[..., ::-1]),
    "pairwise": pairwise,
    "blocked": blocked,
    "lanes": lanes,
}


def noise_of_sums(terms: np.ndarray, roundoff: float) -> np.ndarray:
    """Root mean square error of a sum, one term after the other, the mean over the orders of the terms.

    A rounding errs by `roundoff` at most, relative to what was summed so far, all errors alike likely.
    """
    count = terms.shape[-1]
    added = np.arange(2, count + 1)
    together = added * (added - 1) / (count * (count - 1))
    squares, total = np.sum(terms**2, axis=-1), np.sum(terms, axis=-1)
    partial_sums = np.sum(added / count - together) * squares + np.sum(together) * total**2
    return roundoff / np.sqrt(3) * np.sqrt(partial_sums)


def noise_of_products(terms: np.ndarray, roundoff: float) -> np.ndarray:
    """The same of a matrix product, whose terms are rounded first."""
    return np.sqrt(noise_of_sums(terms, roundoff) ** 2 + roundoff**2 / 3 * np.sum(terms**2, axis=-1))
