"""Writes run folders in the raw format, with planted times, for the tests of the analysis."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

PARTS = ("workload", "size", "dtype", "mode", "metric")
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Ending = tuple[str, str]
"""A status other than "ok", and its reason."""
Result = tuple[dict[str, Any], Sequence[float] | Ending]


def cell(workload: str = "rms_norm", **changes: Any) -> dict[str, Any]:
    values = {
        "family": "normalization",
        "workload": workload,
        "technique": "RMSNorm",
        "size": "small",
        "dtype": "float32",
        "mode": "jit",
        "metric": "forward",
        "flops": None,
        "bytes": None,
        "native": None,
        "calls_per_round": 1,
        "stop": "precise",
        "phases": {},
        "graphs": 1,
        "graph_breaks": 0,
        "peak_memory_bytes": None,
        "cpu_per_wall": 1.0,
        "shape": "(8, 256)",
        **dict.fromkeys(("attention", "gpu_clock_mhz", "slowed_by")),
    }
    unknown = changes.keys() - values.keys()
    assert not unknown, unknown
    return values | changes


def rounds(seconds: float, rng: np.random.Generator, *, launch_sd=0.01, round_sd=0.02, count=21) -> list[float]:
    """One launch of a case: the process has its luck, every round has its own."""
    return (seconds * np.exp(rng.normal(0, launch_sd) + rng.normal(0, round_sd, count))).tolist()


def facts(backend: str = "jax", **changes: Any) -> dict[str, Any]:
    """With `host=None`, those of a launch from before it was noted."""
    versions = {"tensorflow": "2.21.0", "jax": "0.10.2", "torch": "2.12.0"}
    known = {
        "commit": "d4aa4a2",
        "host": "testhost",
        "machine": "testbox",
        "backend_version": versions.get(backend, "0"),
        "keras_version": "3.15.1",
        "device_name": "Test CPU @ 2 GHz",
        "cpu": "Test CPU @ 2 GHz",
        "cores": 2,
        "threads": 2,
        "memory_bytes": 8 << 30,
        "python": "3.12.1",
        "os": "Linux 6.1",
        "load_average": 0.1,
    } | changes
    return {name: value for name, value in known.items() if value is not None}


def write_launch(
    raw: Path,
    results: Iterable[Result],
    *,
    run: str = "run",
    backend: str = "jax",
    device: str = "cpu",
    launch: int = 0,
    hours: float = 0,
    settings: dict[str, Any] | None = None,
    **fact_changes: Any,
) -> Path:
    """Appends one launch to the journal of `raw / run` and writes its JSON file, whose path it returns."""
    folder = raw / run
    folder.mkdir(parents=True, exist_ok=True)
    who = {"backend": backend, "device": device, "launch": launch}
    suite = {
        "schema": 1,
        "run": run,
        **who,
        "pass": launch,
        "settings": settings or {"profile": "smoke"},
        "facts": facts(backend, **fact_changes),
    }
    clock = EPOCH + timedelta(hours=hours, minutes=launch)
    named = [("/".join(map(str, map(case.get, PARTS))), case, result) for case, result in results]
    events = [{"event": "launch", **suite, "time": clock.isoformat(), "cases": [name for name, _, _ in named]}]
    records = []
    for name, case, result in named:
        clock += timedelta(seconds=1)
        events.append({"event": "start", **who, "case": name, "time": clock.isoformat(), "limit_s": 60})
        status, reason = result if isinstance(result, tuple) else ("ok", "")
        record = benchmark(case, result) if status == "ok" else None
        ending = {"status": status, "reason": reason, "cell": case, "benchmark": record}
        events.append({"event": "end", **who, "case": name, "time": clock.isoformat(), **ending})
        records += [record] if record else []
    events.append({"event": "exit", **who, "time": clock.isoformat(), "returncode": 0})
    with (folder / "journal.jsonl").open("a", encoding="utf-8") as journal:
        journal.writelines(json.dumps(event) + "\n" for event in events)
    path = folder / f"{backend}-{device}-{launch}.json"
    document = {"machine_info": {}, "commit_info": {}, "benchmarks": records, "version": "5.3.1"}
    document |= {"datetime": (EPOCH + timedelta(hours=hours)).isoformat(), "suite": suite}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def write_launches(raw: Path, results: Iterable[Result], launches: int = 3, **options: Any) -> None:
    """The same results in several launches: enough for a claim, and no noise between them."""
    results = list(results)
    for launch in range(launches):
        write_launch(raw, results, launch=launch, **options)


def benchmark(case: dict[str, Any], times: Sequence[float]) -> dict[str, Any]:
    data = list(times)
    stats = {"data": data, "rounds": len(data)}
    if data:
        stats |= {"median": float(np.median(data)), "min": min(data)}
    return {"name": case["workload"], "stats": stats, "extra_info": case}
