"""From the table of the history to one line a cell: its points, its environments, its steps. Pure functions."""

import statistics
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import pandas as pd

from bench.analysis.statistics import steps
from bench.analysis.tables.history import CELL, ENVIRONMENT

UNKNOWN = "unknown"
"""The commit of code that is in no repository."""


@dataclass(frozen=True)
class Segment:
    """The points of one cell in one environment, by their places in the table, and their levels."""

    first: int
    end: int
    head: dict[str, str]
    course: steps.Course

    def cell(self) -> tuple[str, ...]:
        return tuple(self.head[name] for name in CELL)


@dataclass(frozen=True)
class Change:
    """A step of a line, at its place in the whole line.

    `state` is `open` (a rise by more than 3 % that is still there), `known` (to a level that was there several times
    before), `recovered`, `superseded` (the environment changed while it was open), `faster` (as large a fall) or
    `small`.
    """

    at: int
    before: float
    after: float
    state: str


@dataclass(frozen=True, eq=False)
class Line:
    """The history of one cell.

    Args:
        cell: the values of `history.CELL`.
        logs: log of the median time, one point a commit and environment, in order of first measurement.
        commits: of each point; a + marks changes that were not committed.
        times: when each point was first measured.
        levels: first point, the one after the last, and median of the log times.
        changes: the steps found.
        environments: where a new environment begins, and what changed.
    """

    cell: dict[str, str]
    logs: np.ndarray
    commits: list[str]
    times: list[pd.Timestamp]
    levels: list[tuple[int, int, float]]
    changes: list[Change]
    environments: list[tuple[int, str]]


def lines(frame: pd.DataFrame) -> list[Line]:
    """One line a cell, from rows ordered by cell and time."""
    points = _points(frame)
    if points.empty:
        return []
    logs = points["log"].to_numpy()
    begins = np.flatnonzero(points["segment"].diff())
    ranges = list(pairwise([*begins.tolist(), len(points)]))
    found = steps.courses([logs[first:end] for first, end in ranges])
    heads = points[[*CELL, *ENVIRONMENT]].iloc[begins].to_dict("records")
    segments = map(Segment, *zip(*ranges, strict=True), heads, found)
    commits, times = points["commit"].tolist(), points["timestamp"].tolist()
    return [_line(list(own), logs, commits, times) for _, own in groupby(segments, key=Segment.cell)]


def _points(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a commit in each environment of each cell, with `cell`, `segment` and `log`.

    A commit that was measured several times has the median of its log times, at the place of the first.
    """
    cell = frame.groupby(list(CELL), sort=False).ngroup()
    environment = frame.groupby(list(ENVIRONMENT), sort=False).ngroup()
    segment = ((cell != cell.shift()) | (environment != environment.shift())).cumsum()
    is_commit = (frame["commit"] != UNKNOWN) & ~frame["modified"]
    revision = frame["commit"].where(is_commit, frame["run"])
    point = [segment.rename("segment"), revision.rename("revision")]
    log = np.log(frame["median_s"]).groupby(point).transform("median")
    commit = frame["commit"].where(~frame["modified"], frame["commit"] + "+")
    rows = frame.assign(cell=cell, segment=segment, revision=revision, log=log, commit=commit)
    return rows.drop_duplicates(["segment", "revision"])


def _line(segments: list[Segment], logs: np.ndarray, commits: list[str], times: list[pd.Timestamp]) -> Line:
    origin, last = segments[0].first, segments[-1]
    levels: list[tuple[int, int, float]] = []
    changes: list[Change] = []
    for segment in segments:
        own, first = logs[segment.first : segment.end], segment.first - origin
        bounds = pairwise([*segment.course.starts, len(own)])
        levels += [(first + a, first + b, statistics.median(own[a:b].tolist())) for a, b in bounds]
        for step in steps.steps(segment.course):
            changes.append(Change(first + step.at, step.before, step.after, _state(step, segment is last)))
    return Line(
        {name: last.head[name] for name in CELL},
        logs[origin : last.end],
        commits[origin : last.end],
        times[origin : last.end],
        levels,
        changes,
        [(new.first - origin, _difference(old.head, new.head)) for old, new in pairwise(segments)],
    )


def _state(step: steps.Step, in_present: bool) -> str:
    if step.is_open:
        return "open" if in_present else "superseded"
    if step.is_known:
        return "known"
    if step.is_rise:
        return "recovered"
    return "faster" if step.before - step.after > steps.RISE else "small"


def _difference(old: dict[str, str], new: dict[str, str]) -> str:
    return ", ".join(f"{name} {old[name]} → {new[name]}" for name in ENVIRONMENT if old[name] != new[name])
