"""From how each cell ended in each launch to one row a cell, with what follows from other rows."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.statistics import intervals
from bench.analysis.tables import schema

ENOUGH_LAUNCHES = 3
"""From so many on launches are replicates; fewer agree too often by chance."""
UNSTABLE = 1.5
CELL_KEY = ("run", "machine", "backend", "device", *schema.IDENTITY)
CEILING_KEY = ["machine", "device", "dtype"]
NATIVE_KEY = ["run", "machine", "backend", "device", "size", "dtype", "mode", "metric"]
ORDER = ["machine", "device", "family", "workload", "size", "dtype", "mode", "metric", "backend", "timestamp"]

Outcome = dict[str, Any]
"""How one cell ended in one launch, as `load` makes it: the cell's names and amounts, `status`, `reason`, `times`."""


def ceilings(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """What the machine can do: the best rates of any launch and backend, per machine, device and dtype."""
    probes = pd.DataFrame(
        [
            {name: o[name] for name in (*CEILING_KEY, "workload", "flops", "bytes")}
            | {"median": np.median(o["times"])}
            for o in outcomes
            if o["family"] == schema.MACHINE_FAMILY and o["status"] == "ok"
        ],
        columns=[*CEILING_KEY, "workload", "flops", "bytes", "median"],
    )
    probes = probes.astype(dict.fromkeys(("flops", "bytes", "median"), "float64"))
    probes["peak_flops"] = (probes["flops"] / probes["median"]).where(probes["workload"] == "matmul")
    probes["peak_bytes"] = (probes["bytes"] / probes["median"]).where(probes["workload"] == "copy")
    return probes.groupby(CEILING_KEY, as_index=False)[["peak_flops", "peak_bytes"]].max()


def medians(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """What each launch says of each cell: the logarithm of the median of its rounds."""
    names = (*CELL_KEY, "pass")
    rows = [
        {name: o[name] for name in names} | {"log": math.log(statistics.median(o["times"].tolist()))}
        for o in outcomes
        if o["status"] == "ok"
    ]
    return pd.DataFrame(rows, columns=[*names, "log"]).astype({"log": "float64"})


def aggregate(outcomes: Sequence[Outcome], peaks: pd.DataFrame) -> pd.DataFrame:
    """One row a cell, with `schema.COLUMNS`."""
    groups: dict[tuple, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(tuple(outcome[name] for name in CELL_KEY), []).append(outcome)
    frame = pd.DataFrame([_cell(group) for group in groups.values()], columns=list(schema.COLUMNS))
    frame = frame.astype(dict.fromkeys(schema.NUMBERS, "float64") | dict.fromkeys(schema.INTEGERS, "Int64"))
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    frame = _with_native_ratio(_with_rates(frame, peaks))
    frame = frame.sort_values(
        ORDER, ignore_index=True, key=lambda c: c.map(schema.size_order) if c.name == "size" else c
    )
    return frame[list(schema.COLUMNS)]


def _cell(group: list[Outcome]) -> dict[str, Any]:
    best_known = min(group, key=lambda outcome: outcome["status"] != "ok")
    names = (*CELL_KEY, *schema.FACTS, "technique", "native", "shape", "attention", "timestamp")
    row = {name: best_known[name] for name in names}
    row |= {name: _largest(group, name) for name in ("flops", "bytes", "peak_memory_bytes", "graphs", "graph_breaks")}
    row |= {phase: _middle([(o["phases"] or {}).get(phase) for o in group]) for phase in schema.PHASES}
    row |= {name: _middle([o[name] for o in group]) for name in ("cpu_per_wall", "gpu_clock_mhz")}
    row["slowed_by"] = _union([o["slowed_by"] for o in group])
    row["stop"] = max((o["stop"] for o in group if o["stop"]), key=schema.STOPS.index, default=None)
    launches = [o["times"] for o in group if o["status"] == "ok"]
    medians = [statistics.median(times.tolist()) for times in launches]
    return row | _timing(launches, medians) | _status(group, launches, medians)


def _timing(launches: list[np.ndarray], medians: list[float]) -> dict[str, Any]:
    if not launches:
        return {"rounds": 0, "launches": 0}
    replicated = len(launches) >= ENOUGH_LAUNCHES
    low, high = intervals.of_launches(medians) if replicated else intervals.of_few_launches(launches)
    return {
        "median_s": statistics.median(medians),
        "ci_low_s": low,
        "ci_high_s": high,
        "min_s": min(float(times.min()) for times in launches),
        "rounds": sum(times.size for times in launches),
        "launches": len(launches),
        "interval": None if np.isnan(low) else "launches" if replicated else "rounds",
    }


def _status(group: list[Outcome], launches: list[np.ndarray], medians: list[float]) -> dict[str, str]:
    worst = max(group, key=lambda outcome: schema.STATUSES.index(outcome["status"]))
    if worst["status"] != "ok":
        return {"status": worst["status"], "reason": worst["reason"]}
    if (factor := _disagreement(launches, medians)) > UNSTABLE:
        return {"status": "unstable", "reason": f"the measurements differ by a factor of {factor:.2f}"}
    return {"status": "ok", "reason": ""}


def _disagreement(launches: list[np.ndarray], medians: list[float]) -> float:
    """The slowest over the fastest: of the launches' medians, or of the quartiles of a single launch.

    How uncertain a median is stands in its interval, which few launches make wide however steady they are. This tells
    whether there is one time to speak of.
    """
    values = medians if len(medians) > 1 else np.quantile(launches[0], [0.25, 0.75])
    return float(max(values) / min(values))


def _largest(group: list[Outcome], name: str) -> float | None:
    return max((o[name] for o in group if o[name] is not None), default=None)


def _middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _union(lists: Sequence[str | None]) -> str | None:
    """What any of the comma-separated lists names."""
    return ", ".join(sorted({name for names in lists if names for name in names.split(", ")})) or None


def _with_rates(frame: pd.DataFrame, peaks: pd.DataFrame) -> pd.DataFrame:
    """Rates and the share of the roofline, for steps that run; compiling does no such work."""
    frame = frame.merge(peaks, on=CEILING_KEY, how="left", validate="many_to_one")
    time = frame["median_s"].where(frame["metric"].isin(schema.RUN_METRICS))
    frame["flops_per_s"] = frame["flops"] / time
    frame["bytes_per_s"] = frame["bytes"] / time
    by_flops = frame["flops"] / frame["peak_flops"]
    by_bytes = frame["bytes"] / frame["peak_bytes"]
    unbounded = (frame["flops"].notna() & by_flops.isna()) | (frame["bytes"].notna() & by_bytes.isna())
    bound = np.fmax(by_flops, by_bytes).mask(unbounded)
    return frame.assign(roofline_fraction=bound / time)


def _with_native_ratio(frame: pd.DataFrame) -> pd.DataFrame:
    measured = frame[frame["status"].isin(schema.MEASURED)]
    natives = measured.drop(columns="native").rename(columns={"workload": "native"})
    natives = natives.sort_values("median_s", kind="stable").drop_duplicates([*NATIVE_KEY, "native"])
    paired = frame[[*NATIVE_KEY, "native"]].merge(
        natives[[*NATIVE_KEY, "native", *schema.TIMES]], on=[*NATIVE_KEY, "native"], how="left", validate="many_to_one"
    )
    known = frame["status"].isin(schema.MEASURED)
    own, other = ([times.loc[known, name] for name in schema.TIMES] for times in (frame, paired))
    low, high = intervals.of_ratio(own, other)
    ratios = pd.DataFrame({"native_ratio": own[0] / other[0], "native_low": low, "native_high": high})
    return frame.assign(**ratios.reindex(frame.index))
