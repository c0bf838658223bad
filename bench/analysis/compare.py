"""From cells to answers: ratios between backends, rankings of families, scaling exponents. Pure functions.

A backend is called fastest only when the 95 % interval of its ratio to every other one leaves out 1.
"""

import math
import statistics
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bench.analysis import intervals, schema

SETTING = ["machine", "device", "dtype"]
"""What two backends must share to be compared at all."""
CASE = [*SETTING, "family", "workload", "size", "mode", "metric"]
GROUP = [*SETTING, "family", "metric", "mode"]
SWEEP = ["machine", "device", "dtype", "family", "workload", "mode", "metric", "backend", "axis"]

SAME_FACTS = ("commit", "keras_version", "threads", "precision", "python", "driver")

ABOVE_FLOOR = 5
ENOUGH_POINTS = 3
ENOUGH_WORKLOADS = 3


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells that may be compared; of a cell measured in several runs, the newest."""
    rows = frame[frame["status"].isin(schema.MEASURED)]
    return rows.sort_values("timestamp", kind="stable").drop_duplicates([*CASE, "backend"], keep="last").sort_index()


def techniques(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells of techniques, without the yardsticks: native counterparts and the machine's ceilings."""
    yardstick = frame["workload"].str.startswith(schema.NATIVE_PREFIX) | (frame["family"] == schema.MACHINE_FAMILY)
    return frame[~yardstick]


def typical_sizes(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells without the points of sweeps, unless a workload has no other sizes."""
    in_sweep = frame["size"].map(schema.sweep_point).notna()
    has_others = frame["workload"].isin(frame.loc[~in_sweep, "workload"])
    return frame[~(in_sweep & has_others)]


def ratios(frame: pd.DataFrame) -> pd.DataFrame:
    """Every measured cell against the fastest backend of its case.

    Adds `fastest`, `ratio`, `ratio_low`, `ratio_high` and `verdict`: `fastest`, `slower`, `undecided`, or `alone`
    where no other backend was measured.
    """
    rows = measured(frame)
    by_speed = rows.sort_values("median_s", kind="stable").groupby(CASE)
    best = by_speed[["backend", "median_s", "ci_low_s", "ci_high_s"]].transform("first").reindex(rows.index)
    is_best = rows["backend"] == best["backend"]
    ratio = rows["median_s"] / best["median_s"]
    low, high = intervals.of_ratio(*(_limits(side) for side in (rows, best)))
    rows = rows.assign(fastest=best["backend"], ratio=ratio)
    rows = rows.assign(ratio_low=np.where(is_best, 1.0, low), ratio_high=np.where(is_best, 1.0, high))
    slower = ~is_best & (rows["ratio_low"] > 1)
    cases = slower.groupby([rows[name] for name in CASE])
    others, beaten = cases.transform("size") - 1, cases.transform("sum")
    verdict = np.select(
        [others == 0, slower, is_best & (beaten == others)], ["alone", "slower", "fastest"], "undecided"
    )
    return rows.assign(verdict=verdict)


def ranking(frame: pd.DataFrame) -> pd.DataFrame:
    """Backends per family, metric and mode: how many times the fastest one's time each takes, over the workloads.

    The ratio is the geometric mean over the workloads that all of these backends have, each workload counting once
    however many sizes it has. Its interval says how far the ratio holds for workloads of that kind; below three
    workloads it holds for the measured ones alone. One row a backend, fastest first: `ratio`, `ratio_low`,
    `ratio_high`, `workloads` of `all_workloads`, the fewest `launches` of a cell, and a `verdict` as in `ratios`.
    """
    rows = typical_sizes(measured(techniques(frame)))
    ranked = [backend for _, group in rows.groupby(GROUP) for backend in _rank(group)]
    columns = [
        *GROUP,
        "backend",
        "ratio",
        "ratio_low",
        "ratio_high",
        "workloads",
        "all_workloads",
        "launches",
        "verdict",
    ]
    return pd.DataFrame(ranked, columns=columns)


def scaling(frame: pd.DataFrame) -> pd.DataFrame:
    """How the time of a sweep grows: time ~ size ** `exponent`, with its 95 % interval.

    Only sizes well above the smallest time of that backend and mode take part: below, a call's fixed cost hides the
    growth. One row a sweep that keeps three such sizes: `exponent`, `exponent_low`, `exponent_high`, `scale`,
    `points`, the fewest `launches` of a point, and `from_size`.
    """
    points = sweep_points(frame)
    sweeps = points[points["above_floor"]].groupby(SWEEP)
    fits = [dict(zip(SWEEP, key, strict=True)) | _fit(sweep) for key, sweep in sweeps if len(sweep) >= ENOUGH_POINTS]
    columns = [*SWEEP, "exponent", "exponent_low", "exponent_high", "scale", "points", "launches", "from_size"]
    return pd.DataFrame(fits, columns=columns)


def sweep_points(frame: pd.DataFrame) -> pd.DataFrame:
    """The measured cells whose size is a point of a sweep, with `axis`, `number` and `above_floor`."""
    rows = measured(frame)
    floor = rows[rows["metric"] == "forward"].groupby(["machine", "device", "backend", "mode"])["median_s"].min()
    points = rows["size"].map(schema.sweep_point)
    rows = rows[points.notna()].assign(
        axis=[point[0] for point in points if point], number=[float(point[1]) for point in points if point]
    )
    floors = floor.reindex(pd.MultiIndex.from_frame(rows[["machine", "device", "backend", "mode"]]))
    return rows.assign(above_floor=rows["median_s"].to_numpy() > ABOVE_FLOOR * floors.to_numpy())


def unlike(launches: pd.DataFrame) -> list[str]:
    """What should be equal for backends to be compared on one device, and is not: a line each."""
    lines = []
    machines = launches["facts"].map(lambda facts: facts["machine"])
    for (machine, device), of_device in launches.groupby([machines, "device"]):
        for source, name in (*(("facts", name) for name in SAME_FACTS), ("settings", "profile")):
            values = of_device[source].map(lambda record, name=name: str(record.get(name)))
            if values.nunique() > 1:
                found = of_device.groupby(values)["backend"].unique().items()
                listed = "; ".join(f"{value} ({', '.join(backends)})" for value, backends in found)
                lines.append(f"{name} differs on {machine}, {device}: {listed}")
    return lines


def slowed(frame: pd.DataFrame) -> list[str]:
    """What the driver held a GPU back for while cells were measured: a line each."""
    counts = frame.groupby(["machine", "device", "backend", "slowed_by"]).size()
    return [
        f"{backend} on {machine}, {device}: {count} cells were slowed by {reason}"
        for (machine, device, backend, reason), count in counts.items()
    ]


def _limits(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series, pd.Series]:
    return rows["median_s"], rows["ci_low_s"], rows["ci_high_s"]


Times = dict[str, tuple[float, float, float]]
"""The median of each backend, and its limits."""


def _rank(group: pd.DataFrame) -> list[dict[str, Any]]:
    cells: dict[tuple[str, str], Times] = {}
    for workload, size, backend, *times in group[["workload", "size", "backend", *schema.TIMES]].itertuples(
        index=False
    ):
        cells.setdefault((workload, size), {})[backend] = tuple(times)
    backends = sorted(set(group["backend"]))
    shared = {place: times for place, times in cells.items() if len(times) == len(backends)}
    workloads: dict[str, list[Times]] = {}
    for (workload, _), times in shared.items():
        workloads.setdefault(workload, []).append(times)
    logs = {
        backend: [statistics.fmean(math.log(times[backend][0]) for times in own) for own in workloads.values()]
        for backend in backends
    }
    mean = {backend: statistics.fmean(of_workload or [math.nan]) for backend, of_workload in logs.items()}
    leader = min(backends, key=mean.__getitem__)
    limits = {b: (0.0, 0.0) if b == leader else _log_ratio_interval(workloads, logs, b, leader) for b in backends}
    beaten = {backend for backend in backends if limits[backend][0] > 0}
    in_shared = [place in shared for place in zip(group["workload"], group["size"], strict=True)]
    about = dict(zip(GROUP, group[GROUP].iloc[0], strict=True)) | {
        "workloads": len(workloads),
        "all_workloads": group["workload"].nunique(),
        "launches": group["launches"][in_shared].min() if shared else 0,
    }
    return [
        about
        | {
            "backend": backend,
            "ratio": math.exp(mean[backend] - mean[leader]),
            "ratio_low": math.exp(limits[backend][0]),
            "ratio_high": math.exp(limits[backend][1]),
            "verdict": _verdict(backend, leader, beaten, len(backends)),
        }
        for backend in sorted(backends, key=mean.__getitem__)
    ]


def _verdict(backend: str, leader: str, beaten: set[str], count: int) -> str:
    if count == 1:
        return "alone"
    if backend in beaten:
        return "slower"
    return "fastest" if backend == leader and len(beaten) == count - 1 else "undecided"


def _log_ratio_interval(
    workloads: dict[str, list[Times]], logs: dict[str, list[float]], top: str, bottom: str
) -> intervals.Interval:
    """Over workloads where there are enough of them, else from how well each cell is known."""
    if not workloads:
        return intervals.NONE
    if len(workloads) >= ENOUGH_WORKLOADS:
        return intervals.mean_of([a - b for a, b in zip(logs[top], logs[bottom], strict=True)])
    sides = [
        [*np.array([times[backend] for own in workloads.values() for times in own]).T] for backend in (top, bottom)
    ]
    weight = np.array([1 / len(own) / len(workloads) for own in workloads.values() for _ in own])
    low, high = (np.log(limit) for limit in intervals.of_ratio(*sides))
    middle = np.log(sides[0][0] / sides[1][0])
    down, up = (math.sqrt((((limit - middle) * weight) ** 2).sum()) for limit in (low, high))
    return float((middle * weight).sum()) - down, float((middle * weight).sum()) + up


def _fit(sweep: pd.DataFrame) -> dict[str, object]:
    line = stats.linregress(np.log(sweep["number"]), np.log(sweep["median_s"]))
    half = intervals.student(len(sweep) - 2) * line.stderr
    return {
        "exponent": line.slope,
        "exponent_low": line.slope - half,
        "exponent_high": line.slope + half,
        "scale": math.exp(line.intercept),
        "points": len(sweep),
        "launches": sweep["launches"].min(),
        "from_size": sweep["number"].min(),
    }
