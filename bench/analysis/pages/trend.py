"""The page of trends: first what got slower, by how much and since which commit; then the line of every cell."""

import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd

from bench.analysis import formats
from bench.analysis.pages import html_templates
from bench.analysis.statistics import intervals
from bench.analysis.tables import schema
from bench.analysis.tables.series import UNKNOWN, Change, Line

LEFT, RIGHT, TOP, BOTTOM = 4, 296, 14, 70
"""The part of a picture, 300 by 84, that the line may use."""
LEAST_SPAN = math.log(1.1)
"""What the height of a picture stands for at least, so that a steady line looks steady."""
SHORT = 12
"""Letters of a commit that name it."""
UNFOLDED = 12
"""Pictures of one group that are shown at once."""
SYMBOLS = {"open": "▲", "recovered": "△", "superseded": "△", "known": "△", "faster": "▼", "small": "·"}
ENDED = {
    "recovered": "Recovered: a later level is back within 3 % of the old one",
    "known": "To a level that was there several times before: rather a speed of the machine than the code",
    "superseded": "Still there when the environment changed, and not comparable since",
}


@dataclass(frozen=True)
class Chart:
    """A line in the coordinates of its picture, and what is written into it."""

    points: str
    levels: list[tuple[float, float, float]]
    symbols: list[tuple[float, str, str, str]]
    environments: list[tuple[float, str]]
    high: str
    low: str
    dates: str


@dataclass(frozen=True)
class Picture:
    """A chart with its caption: the names of the cell, its time now, and the step that it is shown for."""

    name: str
    where: str
    now: str
    change: str
    chart: Chart


@dataclass(frozen=True)
class Alarm:
    """The cells that got slower between the same two commits, and the commands that would confirm it."""

    title: str
    commands: list[str]
    pictures: list[Picture]


def render(lines: Sequence[Line], problems: Sequence[str]) -> str:
    """The page as one self-contained document."""
    ended = {
        title: [picture(line, change) for line, change in _having(lines, state)] for state, title in ENDED.items()
    }
    return html_templates.template("trend.html.j2").render(
        problems=problems,
        lines=len(lines),
        slower=len({id(line) for line, _ in _having(lines, "open")}),
        alarms=alarms(lines),
        ended={title: pictures for title, pictures in ended.items() if pictures},
        environments=environments(lines),
        sections=[
            (" · ".join(key), [picture(line) for line in sorted(own, key=_order)])
            for key, own in groupby(lines, key=lambda line: (*_where(line), line.cell["family"]))
        ],
        unfolded=UNFOLDED,
        symbols=SYMBOLS,
    )


def alarms(lines: Iterable[Line]) -> list[Alarm]:
    """The open rises, those between the same commits together, the largest first."""
    groups: dict[tuple[str, str], list[tuple[Line, Change]]] = {}
    for line, change in _having(lines, "open"):
        groups.setdefault((line.commits[change.at - 1], line.commits[change.at]), []).append((line, change))
    return [
        Alarm(
            f"{_short(before)} → {_short(after)}",
            _commands(before, after, [line for line, _ in rises]),
            [picture(line, change) for line, change in rises],
        )
        for (before, after), rises in groups.items()
    ]


def environments(lines: Iterable[Line]) -> list[dict[str, str]]:
    """The changes of environment, newest first: a row for all cells that saw the same one at the same time."""
    seen: dict[tuple[str, ...], int] = {}
    for line in lines:
        for at, what in line.environments:
            key = (_date(line.times[at]), " · ".join(_where(line)), what)
            seen[key] = seen.get(key, 0) + 1
    return [
        {"when": when, "where": where, "what": what, "cells": str(seen[when, where, what])}
        for when, where, what in sorted(seen, reverse=True)
    ]


def _having(lines: Iterable[Line], state: str) -> list[tuple[Line, Change]]:
    """The changes in this state, the largest first."""
    found = [(line, change) for line in lines for change in line.changes if change.state == state]
    return sorted(found, key=lambda pair: pair[1].before - pair[1].after)


def _commands(before: str, after: str, lines: Iterable[Line]) -> list[str]:
    """What compares the two commits once more, side by side; nothing can where one of them is not in git."""
    if any(commit == UNKNOWN or commit.endswith("+") for commit in (before, after)):
        return []
    workloads: dict[str, set[str]] = {}
    for line in lines:
        workloads.setdefault(line.cell["backend"], set()).add(line.cell["workload"])
    words = ["nox", "-s", "regress", "--", "--base", before[:SHORT], "--head", after[:SHORT]]
    return [
        shlex.join([*words, "--backend", backend, "--workloads", ",".join(sorted(names))])
        for backend, names in sorted(workloads.items())
    ]


def picture(line: Line, change: Change | None = None) -> Picture:
    """A line as the pages show it, for the sake of one change or of none."""
    names = (line.cell[name] for name in ("workload", "size", "dtype", "mode", "metric"))
    first, end, level = line.levels[-1]
    low, high = map(math.exp, intervals.of_median(line.logs[first:end]))
    known = "" if math.isnan(low) else f" [{formats.interval_seconds(low, high, math.exp(level))}]"
    now = f"{formats.seconds(math.exp(level))}{known} now, {formats.count(end - first, 'commit')}"
    return Picture(" ".join(names), " · ".join(_where(line)), now, _told(line, change) if change else "", chart(line))


def chart(line: Line) -> Chart:
    """Commits at equal distances, times on a logarithmic scale; single points far off are moved to the edge."""
    count = len(line.logs)
    medians = [level for _, _, level in line.levels]
    ends = np.quantile(line.logs, [0.02, 0.98]).tolist() if count > 1 else medians
    low, high = min(*medians, *ends), max(*medians, *ends)
    spare = max(0.0, LEAST_SPAN - (high - low)) / 2
    low, high = low - spare, high + spare

    def x(place: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * (place + 0.5) / count, 1)

    def y(log: float) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * (min(max(log, low), high) - low) / (high - low), 1)

    return Chart(
        " ".join(f"{x(place)},{y(log)}" for place, log in enumerate(line.logs.tolist())),
        [(x(first - 0.5), x(end - 0.5), y(level)) for first, end, level in line.levels],
        [(x(c.at - 0.5), c.state, SYMBOLS[c.state], _told(line, c)) for c in line.changes],
        [(x(at - 0.5), f"{_date(line.times[at])}: {what}") for at, what in line.environments],
        formats.seconds(math.exp(high)),
        formats.seconds(math.exp(low), math.exp(high)),
        f"{_date(line.times[0])} to {_date(line.times[-1])}",
    )


def _told(line: Line, change: Change) -> str:
    percent = math.expm1(change.after - change.before)
    return f"{percent:+.1%} since {_short(line.commits[change.at])}, {_date(line.times[change.at])}"


def _order(line: Line) -> tuple:
    return line.cell["workload"], schema.size_order(line.cell["size"]), *line.cell.values()


def _where(line: Line) -> tuple[str, str, str]:
    return line.cell["machine"], line.cell["backend"], line.cell["device"]


def _short(commit: str) -> str:
    return commit.removesuffix("+")[:SHORT] + (" with changes" if commit.endswith("+") else "")


def _date(time: pd.Timestamp) -> str:
    return time.date().isoformat()
