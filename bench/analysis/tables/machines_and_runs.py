"""Where results come from: machines, runs with their versions and commands, and what did not end well."""

import shlex
from collections.abc import Iterable
from typing import Any

import pandas as pd

from bench.analysis import formats
from bench.analysis.tables import schema
from bench.analysis.tables.cells import UNSTABLE

SESSIONS = {"tensorflow": "bench-tf", "jax": "bench-jax", "torch": "bench-torch"}
OPTIONS = ("profile", "workloads", "launches", "threads", "precision", "limit")
WORST_FIRST = [*reversed(schema.STATUSES), "unstable"]


def machines(launches: pd.DataFrame) -> list[dict[str, str]]:
    """A row a machine."""
    rows = {}
    for facts in launches["facts"]:
        memory = facts.get("memory_bytes")
        rows[facts["machine"]] = {
            "machine": facts["machine"],
            "host": facts["host"],
            "processor": facts.get("cpu"),
            "cores": facts.get("cores"),
            "memory": f"{memory / 2**30:.0f} GiB" if memory else None,
            "system": facts.get("os"),
            "Python": facts.get("python"),
        }
    return list(rows.values())


def runs(launches: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a run, backend and device: versions, when, how long, and the command that measures it again."""
    rows = []
    for (run, backend, device), group in launches.groupby(["run", "backend", "device"]):
        facts, settings = group.iloc[0][["facts", "settings"]]
        rows.append(
            {
                "backend": f"{backend} {facts['backend_version']}",
                "Keras": facts["keras_version"],
                "device": ", ".join([f"{device}: {facts.get('device_name', formats.MISSING)}", *_driver(facts)]),
                "threads": facts.get("threads"),
                "launches": len(group),
                "started": f"{group['start'].min():%Y-%m-%d %H:%M} UTC",
                "took": _took(group),
                "run": run,
                "environment": facts["surroundings"] or formats.MISSING,
                "commit": facts["commit"][:12] + (" + changes" if facts.get("modified") else ""),
                "command": _command(backend, device, settings),
            }
        )
    return rows


def _took(launches: pd.DataFrame) -> str:
    """Only a journal tells when a launch ended."""
    seconds = (launches["end"] - launches["start"]).dt.total_seconds().sum()
    return formats.duration(seconds) if seconds else formats.MISSING


def _driver(facts: dict[str, Any]) -> list[str]:
    return [f"driver {facts['driver']}"] if "driver" in facts else []


def _command(backend: str, device: str, settings: dict[str, Any]) -> str:
    given = {f"--{name}": settings.get(name) for name in OPTIONS} | {"-k": settings.get("keyword")}
    options = [part for name, value in given.items() if value for part in (name, _argument(value))]
    return shlex.join(["nox", "-s", SESSIONS[backend], "--", "--device", device, *options])


def _argument(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def preliminary(launches: pd.DataFrame) -> list[str]:
    """A line for each run of which passes, or cases of the last pass, are still to come."""
    lines = []
    for (run, backend, device), group in launches.groupby(["run", "backend", "device"]):
        done, planned = group["pass"].max(), group.iloc[0]["settings"].get("launches") or 0
        if done < planned:
            lines.append(f"Preliminary: run {run} has {done} of {planned} passes over {backend} on the {device}.")
        if left := group["left"].sum():
            lines.append(
                f"Preliminary: run {run} stopped in pass {done} over {backend} on the {device}, with "
                f"{formats.count(left, 'case')} to go; the same command with --resume goes on."
            )
    return lines


def spent(launches: pd.DataFrame) -> list[dict[str, str]]:
    """A row a run, backend and device: what its processes spent their time on.

    Nothing where no journal tells, and nothing of a launch during which the clock was set back.
    """
    rows: list[dict[str, str]] = []
    told = launches.dropna(subset=["spawned"])
    if told.empty:
        return rows
    worked = pd.to_timedelta(told["compiled_s"] + told["measured_s"], unit="s")
    told = told[(told["start"] >= told["spawned"]) & (told["end"] - told["spawned"] >= worked)]
    for (run, backend, device), group in told.groupby(["run", "backend", "device"]):
        total = (group["end"] - group["spawned"]).dt.total_seconds().sum()
        imported = (group["start"] - group["spawned"]).dt.total_seconds().sum()
        compiled, measured = group["compiled_s"].sum(), group["measured_s"].sum()
        parts = {
            "imported": imported,
            "compiled": compiled,
            "measured": measured,
            "else": max(0.0, total - imported - compiled - measured),
        }
        shares = {name: f"{seconds:.0f} s ({seconds / total:.0%})" for name, seconds in parts.items()}
        rows.append({"backend": backend, "device": device, **shares, "in all": formats.duration(total), "run": run})
    for run, group in told.groupby("run"):
        if not _in_order(group):
            continue
        busy = (group["end"] - group["spawned"]).dt.total_seconds().sum()
        waited = (group["end"].max() - group["spawned"].min()).total_seconds() - busy
        nothing = dict.fromkeys(("device", "imported", "compiled", "measured", "else"), "")
        between = {"in all": formats.duration(max(0.0, waited)), "run": run}
        rows.append({"backend": "between launches", **nothing, **between})
    return rows


def _in_order(launches: pd.DataFrame) -> bool:
    """Whether those of each backend and device were begun one after the other, as they were but for the clock."""
    by_number = launches.sort_values("launch").groupby(["backend", "device"])["spawned"]
    return all(times.is_monotonic_increasing for _, times in by_number)


def unfinished(launches: pd.DataFrame) -> list[str]:
    """A line a launch that stopped in the middle of a case."""
    stopped = launches[launches["in_flight"] != ""]
    return [
        f"Run {row.run}: launch {row.launch} of {row.backend} on {row.device} stopped during {row.in_flight}; "
        f"the same command with --resume goes on"
        for row in stopped.itertuples()
    ]


def troubles(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The cells that are not ok, those with the same trouble together, the worst first."""
    bad = frame[frame["status"] != "ok"]
    told = f"the launches, or the quartiles of the only one, differ by more than a factor of {UNSTABLE:g}"
    reason = bad["reason"].mask(bad["status"] == "unstable", told)
    together = ["status", "backend", "device", "workload", "reason"]
    names = pd.Series(map(" ".join, _cell_names(bad)), index=bad.index, dtype=object)
    found = [
        dict(zip(together, key, strict=True)) | {"cells": cells.tolist()}
        for key, cells in names.groupby([bad.assign(reason=reason)[name] for name in together], sort=False)
    ]
    return sorted(found, key=lambda trouble: WORST_FIRST.index(trouble["status"]))


def _cell_names(rows: pd.DataFrame) -> Iterable[tuple[str, ...]]:
    return rows[["size", "dtype", "mode", "metric"]].itertuples(index=False, name=None)
