"""From cells to answers: ratios between backends, rankings of families, scaling exponents. Pure functions.

A backend is called fastest only when it was measured in turns with every other one, in three launches or more, and the
interval of each ratio leaves out 1; these intervals hold all together with 95 % (`claims`).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bench.analysis.statistics import intervals
from bench.analysis.tables import claims, schema
from bench.analysis.tables.load import Loaded

SETTING = claims.SETTING
"""What two backends must share to be compared at all."""
CASE = claims.CASE
ADDED = ["fastest", "ratio", "ratio_low", "ratio_high", "verdict"]
UNCERTAIN = ("undecided", "apart")
"""The verdicts of a case in which nothing can be called fastest."""
GROUP = [*SETTING, "family", "metric", "mode"]
SWEEP = ["machine", "device", "dtype", "family", "workload", "mode", "metric", "backend", "axis"]

SAME_FACTS = ("commit", "source", "surroundings", "keras_version", "threads", "precision", "python", "driver")

ABOVE_FLOOR = 5
ENOUGH_POINTS = 3
ENOUGH_WORKLOADS = 3
NAN = math.nan


def measured(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells that may be compared; of a cell measured in several runs, the newest."""
    rows = frame[frame["status"].isin(schema.MEASURED)]
    return rows.sort_values("timestamp", kind="stable").drop_duplicates([*CASE, "backend"], keep="last").sort_index()


def techniques(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells of techniques, without the yardsticks: native counterparts, what is no framework's, the ceilings."""
    native = frame["workload"].str.startswith(schema.NATIVE_PREFIX)
    outside = frame["technique"].str.startswith(schema.OUTSIDE_PREFIX)
    return frame[~(native | outside | (frame["family"] == schema.MACHINE_FAMILY))]


def typical_sizes(frame: pd.DataFrame) -> pd.DataFrame:
    """The cells without the points of sweeps, unless a workload has no other sizes."""
    in_sweep = frame["size"].map(schema.sweep_point).notna()
    has_others = frame["workload"].isin(frame.loc[~in_sweep, "workload"])
    return frame[~(in_sweep & has_others)]


@lru_cache(maxsize=1)
def ratios(loaded: Loaded) -> pd.DataFrame:
    """Every measured cell against the fastest backend of its case.

    Adds `fastest`, `ratio`, `ratio_low`, `ratio_high` and `verdict`: `fastest`, `slower`, `undecided`, `alone` where
    no other backend was measured, or `apart` where the backends were not measured in turns. The intervals hold
    together, for all cells and families (`claims`).
    """
    rows, margins = _decidable(loaded)
    by_speed = rows.sort_values("median_s", kind="stable").groupby(CASE)
    best = by_speed[["backend", "median_s", "launches"]].transform("first").reindex(rows.index)
    is_best = rows["backend"] == best["backend"]
    ratio = rows["median_s"] / best["median_s"]
    half = margins.of_cell(pd.MultiIndex.from_frame(rows[CASE]), rows["launches"], best["launches"])
    half = np.where(rows["decidable"] == "yes", half, np.nan)
    rows = rows.assign(fastest=best["backend"], ratio=ratio)
    rows = rows.assign(
        ratio_low=np.where(is_best, 1.0, ratio * np.exp(-half)),
        ratio_high=np.where(is_best, 1.0, ratio * np.exp(half)),
    )
    slower = ~is_best & (rows["ratio_low"] > 1)
    cases = slower.groupby([rows[name] for name in CASE])
    others, beaten = cases.transform("size") - 1, cases.transform("sum")
    verdict = np.select(
        [others == 0, rows["decidable"] == "apart", slower, is_best & (beaten == others)],
        ["alone", "apart", "slower", "fastest"],
        "undecided",
    )
    return rows.drop(columns="decidable").assign(verdict=verdict)


def joined(loaded: Loaded) -> pd.DataFrame:
    """The table of all cells with what `ratios` adds to those that were measured."""
    return loaded.frame.join(ratios(loaded)[ADDED])


def ranking(loaded: Loaded) -> pd.DataFrame:
    """Backends per family, metric and mode: how many times the fastest one's time each takes, over the workloads.

    The ratio is the geometric mean over the workloads that all of these backends have, each workload counting once
    however many sizes it has. Its interval joins how well launches know it, together with all that is compared
    (`claims`), and how far the ratio holds for workloads of that kind; below three workloads it holds for the measured
    ones alone. One row a backend, fastest first: `ratio`, `ratio_low`, `ratio_high`, `workloads` of `all_workloads`,
    the fewest `launches` of a cell, and a `verdict` as in `ratios`.
    """
    rows, margins = _decidable(loaded)
    rows = typical_sizes(techniques(rows))
    ranked = [backend for _, group in rows.groupby(GROUP) for backend in _rank(group, margins)]
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


@lru_cache(maxsize=1)
def _decidable(loaded: Loaded) -> tuple[pd.DataFrame, claims.Margins]:
    """The cells that may be compared, each with whether anything can be claimed of its case, and the margins."""
    rows = measured(loaded.frame)
    rows = rows.assign(decidable=claims.decidable(rows, claims.in_turns(loaded.launches)))
    several = rows.groupby(CASE)["backend"].transform("size") > 1
    certain = claims.comparable(rows[several & (rows["decidable"] == "yes")], loaded.medians)
    return rows, claims.margins(certain)


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


def _rank(group: pd.DataFrame, margins: claims.Margins) -> list[dict[str, Any]]:
    backends = sorted(set(group["backend"]))
    shared = group[group.groupby(["workload", "size"])["backend"].transform("size") == len(backends)]
    logs = shared.assign(log=np.log(shared["median_s"])).groupby(["workload", "backend"])["log"].mean()
    by_workload = logs.unstack("backend").reindex(columns=backends)
    mean = by_workload.mean()
    order = [*mean.sort_values(kind="stable").index]
    leader, launches = order[0], shared["launches"].min() if len(shared) else 0
    decidable = set(shared["decidable"])
    half = margins.of_mean(pd.MultiIndex.from_frame(shared[CASE]).unique(), launches) if decidable == {"yes"} else NAN
    limits = {leader: (0.0, 0.0)}
    for backend in order[1:]:
        reach = math.hypot(half, _between([*(by_workload[backend] - by_workload[leader])]))
        middle = mean[backend] - mean[leader]
        limits[backend] = (middle - reach, middle + reach)
    beaten = {backend for backend in order if limits[backend][0] > 0}
    about = dict(zip(GROUP, group[GROUP].iloc[0], strict=True)) | {
        "workloads": len(by_workload),
        "all_workloads": group["workload"].nunique(),
        "launches": launches,
    }
    return [
        about
        | {
            "backend": backend,
            "ratio": math.exp(mean[backend] - mean[leader]),
            "ratio_low": math.exp(limits[backend][0]),
            "ratio_high": math.exp(limits[backend][1]),
            "verdict": "apart" if "apart" in decidable else _verdict(backend, leader, beaten, len(backends)),
        }
        for backend in order
    ]


def _verdict(backend: str, leader: str, beaten: set[str], count: int) -> str:
    if count == 1:
        return "alone"
    if backend in beaten:
        return "slower"
    return "fastest" if backend == leader and len(beaten) == count - 1 else "undecided"


def _between(differences: Sequence[float]) -> float:
    """How far the mean over workloads reaches for others of their kind; nothing where they are too few to tell."""
    if len(differences) < ENOUGH_WORKLOADS:
        return 0.0
    low, high = intervals.mean_of(differences)
    return (high - low) / 2


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
