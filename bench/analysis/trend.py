"""Where a series of times changed its level, and which rises are still there. Pure functions on arrays.

The levels are those that `ruptures.Pelt(model="l1", min_size=3, jump=1)` finds, and the tests compare the two. The
search is written out here because a page has thousands of series: for all of them at once it takes seconds, where PELT
in Python takes minutes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import stats

SHORTEST = 3
"""Points that a level has at least."""
RISE = math.log(1.03)
"""What is not more is no alarm, and counts as recovered."""
ALIKE = 0.2
"""Correlation of neighbouring residuals above which levels cost more."""
MOST_ALIKE = 0.9
STEADIEST = 1e-3
"""The least standard deviation that a series of log times is believed to have."""
TO_SD = 1 / stats.norm.ppf(0.75)
"""From the median absolute deviation to the standard deviation, for normal noise."""
AT_ONCE = 256
"""Series searched together: enough for the speed, few enough for the memory."""


@dataclass(frozen=True)
class Step:
    """A change from one level to the next.

    Args:
        at: the first point of the new level.
        before: median of the log times of the old level.
        after: median of the log times of the new level.
        is_open: it is a rise by more than 3 %, and no later level is back within 3 % of the old one.
    """

    at: int
    before: float
    after: float
    is_open: bool

    @property
    def is_rise(self) -> bool:
        return self.after - self.before > RISE


def steps(logs: np.ndarray, starts: Sequence[int]) -> list[Step]:
    """The changes between the levels that begin at `starts`."""
    if len(starts) == 1:
        return []
    levels = [float(np.median(level)) for level in np.split(logs, starts[1:])]
    return [
        Step(at, levels[k - 1], levels[k], min(levels[k:]) - levels[k - 1] > RISE)
        for k, at in enumerate(starts[1:], 1)
    ]


def levels(series: Iterable[np.ndarray]) -> list[list[int]]:
    """For each series of log times, where its levels begin; the first begins at 0.

    The levels have the least sum of absolute deviations from their medians, in standard deviations, plus 2 ln n for
    each level. Where neighbouring residuals have a correlation r above 0.2, a level costs (1 + r) / (1 - r) times as
    much. The standard deviation is the larger of two robust estimates: from the differences of neighbours, and from
    the residuals of a first search, which uses the former.
    """
    ordered = list(series)
    found = [[0]] * len(ordered)
    places = [place for place, logs in enumerate(ordered) if len(logs) >= 2 * SHORTEST]
    for first in range(0, len(places), AT_ONCE):
        batch = places[first : first + AT_ONCE]
        for place, starts in zip(batch, _levels([ordered[place] for place in batch]), strict=True):
            found[place] = starts
    return found


def _levels(series: list[np.ndarray]) -> list[list[int]]:
    lengths = np.array([len(logs) for logs in series])
    deviations = _deviations(series)
    price = 2 * np.log(lengths)
    from_neighbours = np.array([_spread(np.diff(logs)) for logs in series]) / math.sqrt(2)
    first = partition(deviations, lengths, price * from_neighbours.clip(STEADIEST))
    residuals = [_residuals(logs, starts) for logs, starts in zip(series, first, strict=True)]
    from_residuals = np.array([_spread(rest) for rest in residuals])
    scale = np.maximum(from_neighbours, from_residuals).clip(STEADIEST)
    guard = np.array([_guard(rest.clip(-3 * sd, 3 * sd)) for rest, sd in zip(residuals, scale, strict=True)])
    return partition(deviations, lengths, price * guard * scale)


def _deviations(series: Sequence[np.ndarray]) -> np.ndarray:
    """[i, a, b]: the sum of absolute deviations of the points a to b - 1 of series i from their median."""
    longest = max(len(logs) for logs in series)
    padded = np.full((len(series), longest), np.nan)
    for row, logs in zip(padded, series, strict=True):
        row[: len(logs)] = logs
    table = np.full((len(series), longest, longest + 1), np.inf)
    for length in range(SHORTEST, longest + 1):
        windows = np.sort(sliding_window_view(padded, length, axis=1), axis=-1)
        half = length // 2
        first = np.arange(longest - length + 1)
        table[:, first, first + length] = windows[..., -half:].sum(axis=-1) - windows[..., :half].sum(axis=-1)
    return table


def partition(deviations: np.ndarray, lengths: np.ndarray, price: np.ndarray) -> list[list[int]]:
    """Where the levels begin whose deviations, and a price for each level, have the least sum."""
    count, longest, _ = deviations.shape
    least = np.full((count, longest + 1), np.inf)
    least[:, 0] = 0
    start_of_last = np.zeros((count, longest + 1), dtype=int)
    for end in range(SHORTEST, longest + 1):
        totals = least[:, :end] + deviations[:, :end, end] + price[:, None]
        start_of_last[:, end] = totals.argmin(axis=1)
        least[:, end] = totals.min(axis=1)
    return [_walk_back(row, length) for row, length in zip(start_of_last, lengths, strict=True)]


def _walk_back(start_of_last: np.ndarray, end: int) -> list[int]:
    starts = [int(start_of_last[end])]
    while starts[0] > 0:
        starts.insert(0, int(start_of_last[starts[0]]))
    return starts


def _residuals(logs: np.ndarray, starts: list[int]) -> np.ndarray:
    return np.concatenate([level - np.median(level) for level in np.split(logs, starts[1:])])


def _guard(residuals: np.ndarray) -> float:
    square = float((residuals**2).sum())
    r = float((residuals[1:] * residuals[:-1]).sum()) / square if square else 0.0
    r = min(r, MOST_ALIKE)
    return (1 + r) / (1 - r) if r > ALIKE else 1.0


def _spread(values: np.ndarray) -> float:
    return TO_SD * float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0
