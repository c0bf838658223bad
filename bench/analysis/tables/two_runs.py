"""Two stored runs: is the second slower than the first? Cells that only one of them has are rows too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.statistics import intervals, stored_sessions, version_verdicts
from bench.analysis.tables import schema
from bench.analysis.tables.load import Loaded, assemble, read
from bench.analysis.tables.records import Launch

CELL = ["backend", "device", "workload", "size", "dtype", "mode", "metric"]
TOLD = [*schema.TIMES, "launches", "status"]
FACTS = (
    "machine",
    "cpu",
    "threads",
    "precision",
    "python",
    "keras_version",
    "backend_version",
    "commit",
    "surroundings",
)
MOVED_TOGETHER = 0.03


@dataclass(frozen=True, eq=False)
class TwoRuns:
    """What was found.

    Args:
        cells: a row a cell, what needs a look first: `CELL`, `verdict`, `ratio` (B over A) with its interval,
            `p_value`, `detectable`, `reason`, and of each run, with the endings `_a` and `_b`, the columns `TOLD`.
        notes: what else differs between the two, a line each.
        problems: what could not be read.
    """

    cells: pd.DataFrame
    notes: list[str]
    problems: list[str]


def compare(a: Path, b: Path) -> TwoRuns:
    """Raises `ValueError` where a path holds no cell, or the results of several runs or machines."""
    problems: list[str] = []
    launches = read([a], problems), read([b], problems)
    loaded = [assemble(found, problems) for found in launches]
    for path, one in zip((a, b), loaded, strict=True):
        _check(path, one)
    first, second = (_by_place(spoken(found)) for found in launches)
    notes = _unlike(*loaded)
    verdicts: dict[tuple[str, ...], version_verdicts.Verdict] = {}
    for place in sorted(first.keys() & second.keys()):
        judged = stored_sessions.judge(first[place], second[place], floors={})
        notes += [f"{' '.join(place)}: {note}" for note in told_of_sessions(judged)]
        verdicts |= judged
    return TwoRuns(_table(loaded[0].frame, loaded[1].frame, verdicts), notes, problems)


def spoken(launches: Iterable[Launch]) -> dict[tuple[str, ...], list[float]]:
    """What each launch says of each cell (`version_verdicts.speak`), by the values of `CELL`."""
    values: dict[tuple[str, ...], list[float]] = {}
    for launch in launches:
        for outcome in launch.outcomes.values():
            if outcome.status == "ok" and outcome.times.size:
                known = {"backend": launch.head["backend"], "device": launch.head["device"], **outcome.cell}
                values.setdefault(tuple(known[name] for name in CELL), []).append(
                    version_verdicts.speak(outcome.times)
                )
    return values


def told_of_sessions(verdicts: Mapping[Any, version_verdicts.Verdict]) -> list[str]:
    """What a reader must know of a comparison whose sides were measured at different times: a line each."""
    if not verdicts:
        return []
    shift = version_verdicts.common_shift(verdicts)
    moved = abs(shift - 1) > MOVED_TOGETHER
    return [
        *([f"half of all cells moved by a factor of {shift:.3f} or more: the machine or the code"] if moved else []),
        "each side is one session, measured at another time; regress --base REF measures both at once",
    ]


def exit_code(found: TwoRuns) -> int:
    return version_verdicts.exit_code(found.cells[["verdict", "reason"]].itertuples(index=False, name=None))


def _by_place(values: dict[tuple[str, ...], list[float]]) -> dict[tuple[str, ...], dict[tuple[str, ...], list[float]]]:
    """Backend and device, whose sessions are judged on their own."""
    places: dict[tuple[str, ...], dict[tuple[str, ...], list[float]]] = {}
    for key, times in values.items():
        places.setdefault(key[:2], {})[key] = times
    return places


def _check(path: Path, loaded: Loaded) -> None:
    if loaded.frame.empty:
        raise ValueError("; ".join([f"no measured case in {path}", *loaded.problems]))
    for name in ("run", "machine"):
        found = loaded.frame[name].unique()
        if len(found) > 1:
            raise ValueError(f"{path} mixes the results of {' and '.join(found)}; name one {name}")


def _unlike(a: Loaded, b: Loaded) -> list[str]:
    """A line a fact that is not the same on both sides, for each backend that both have."""
    lines: dict[str, None] = {}
    for (backend, device), before in a.launches.groupby(["backend", "device"]):
        after = b.launches[(b.launches["backend"] == backend) & (b.launches["device"] == device)]
        for name in FACTS if len(after) else ():
            one, other = (found["facts"].iloc[0].get(name) for found in (before, after))
            if one != other:
                lines[f"{name}: {one} in A, {other} in B"] = None
    return list(lines)


def _table(a: pd.DataFrame, b: pd.DataFrame, verdicts: dict[tuple, version_verdicts.Verdict]) -> pd.DataFrame:
    first, second = (frame.set_index(CELL)[TOLD] for frame in (a, b))
    table = first.merge(second, how="outer", left_index=True, right_index=True, suffixes=("_a", "_b"))
    sides = [[table[f"{name}_{side}"] for name in schema.TIMES] for side in ("b", "a")]
    low, high = intervals.of_ratio(*sides)
    table = table.assign(ratio=sides[0][0] / sides[1][0], ci_low=low, ci_high=high, p_value=float("nan"))
    both = table["status_a"].isin(schema.MEASURED) & table["status_b"].isin(schema.MEASURED)
    table.loc[~both, ["ratio", "ci_low", "ci_high"]] = float("nan")
    table = table.assign(detectable=float("nan"), verdict="undecided", reason="").reset_index()
    judged = [verdicts.get(key) if known else None for key, known in zip(_keys(table), both, strict=True)]
    rows = [
        row | (_judged(verdict) if verdict else {"reason": _lack(row)})
        for row, verdict in zip(table.to_dict("records"), judged, strict=True)
    ]
    found = pd.DataFrame(rows, columns=table.columns).astype({"launches_a": "Int64", "launches_b": "Int64"})
    order = found["verdict"].map(version_verdicts.WORST_FIRST.index)
    away = (found["ratio"] - 1).abs()
    return found.assign(order=order, away=-away).sort_values(["order", "away"])[found.columns].reset_index(drop=True)


def _keys(table: pd.DataFrame) -> Iterable[tuple[str, ...]]:
    return table[CELL].itertuples(index=False, name=None)


def _judged(verdict: version_verdicts.Verdict) -> dict[str, Any]:
    names = ("ratio", "ci_low", "ci_high", "p_value", "detectable", "verdict", "reason")
    return {name: getattr(verdict, name) for name in names}


def _lack(row: dict[Any, Any]) -> str:
    for side in ("a", "b"):
        status = row[f"status_{side}"]
        if pd.isna(status):
            return f"not in {side.upper()}"
        if status not in schema.MEASURED:
            return f"{status} in {side.upper()}"
    return f"a verdict needs {stored_sessions.STORED_LAUNCHES} launches on both sides"
