"""Where a series of times changed its level, and which rises are still there and new. Pure functions on arrays.

The levels are those that `ruptures.Pelt(model="l1", min_size=3, jump=1)` finds, and the tests compare the two. The
search is written out here because a page has thousands of series: for all of them at once it takes seconds, where PELT
in Python takes minutes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from bench.analysis.statistics import two_speeds
from bench.analysis.statistics.two_speeds import STEADIEST, TO_SD

SHORTEST = 3
"""Points that a level has at least."""
RISE = math.log(1.03)
"""What is not more is no alarm, and counts as recovered."""
ALIKE = 0.2
"""Correlation of neighbouring residuals above which levels cost more."""
MOST_ALIKE = 0.9
VISITS, VISITED = 2, 0.1
"""A level was there before if so many earlier stretches, and three points and this share of all, were at it."""
NEAR = 2.0
"""Standard deviations, or 3 %, within which a point is at a level, if it is no point of the old level's noise."""
AT_ONCE = 256
"""Series searched together: enough for the speed, few enough for the memory."""


@dataclass(frozen=True)
class Step:
    """A change from one level to the next.

    Args:
        at: the first point of the new level.
        before: median of the log times of the old level.
        after: median of the log times of the new level.
        is_open: it is a rise by more than 3 % to a level that was not there before, and no later level is back within
            3 % of the old one.
        is_known: the new level was there before, several times: rather a speed of the machine than the code.
    """

    at: int
    before: float
    after: float
    is_open: bool
    is_known: bool = False

    @property
    def is_rise(self) -> bool:
        return self.after - self.before > RISE


@dataclass(frozen=True, eq=False)
class Course:
    """A series of log times and where its levels begin; of a machine with two speeds, as at the faster one."""

    logs: np.ndarray
    starts: list[int]


def courses(series: Iterable[np.ndarray]) -> list[Course]:
    """The levels of each series, searched again where its machine has two speeds (`two_speeds`)."""
    ordered = list(series)
    found = [Course(logs, starts) for logs, starts in zip(ordered, levels(ordered), strict=True)]
    steady = [two_speeds.at_the_faster(one.logs, _residuals(one.logs, one.starts)) for one in found]
    places = [place for place, logs in enumerate(steady) if logs is not None]
    again = [logs for logs in steady if logs is not None]
    for place, logs, starts in zip(places, again, levels(again), strict=True):
        found[place] = Course(logs, starts)
    return found


def steps(course: Course) -> list[Step]:
    """The changes between its levels."""
    logs, starts = course.logs, course.starts
    if len(starts) == 1:
        return []
    medians = [float(np.median(level)) for level in np.split(logs, starts[1:])]
    sd = _spread(_residuals(logs, starts))
    found = []
    for k, at in enumerate(starts[1:], 1):
        lasts = min(medians[k:]) - medians[k - 1] > RISE
        near = min(max(RISE, NEAR * sd), (medians[k] - medians[k - 1]) / 2 - sd)
        known = lasts and _was_there(np.abs(logs[:at] - medians[k]) < near)
        found.append(Step(at, medians[k - 1], medians[k], lasts and not known, known))
    return found


def _was_there(at_level: np.ndarray) -> bool:
    """Whether earlier points were at a level often enough for it to be nothing new."""
    stretches = int(at_level[0]) + np.count_nonzero(at_level[1:] & ~at_level[:-1])
    return bool(stretches >= VISITS and at_level.sum() >= max(SHORTEST, VISITED * len(at_level)))


def levels(series: Iterable[np.ndarray]) -> list[list[int]]:
    """For each series of log times, where its levels begin; the first begins at 0.

    The levels have the least sum of absolute deviations from their medians, in standard deviations, plus 2 ln n for
    each level. Where neighbouring residuals have a correlation r above 0.2, a level costs (1 + r) / (1 - r) times as
    much, with r raised by the (1 + 3 r) / n that a short series shows too little of it. The standard deviation is the
    larger of two robust estimates: from the differences of neighbours, and from the residuals of a first search, which
    uses the former.
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
    if r <= ALIKE:
        return 1.0
    r = min(r + (1 + 3 * r) / len(residuals), MOST_ALIKE)
    return (1 + r) / (1 - r)


def _spread(values: np.ndarray) -> float:
    return TO_SD * float(np.median(np.abs(values - np.median(values)))) if len(values) else 0.0
