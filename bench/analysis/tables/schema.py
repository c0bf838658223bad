"""The names, values and types that the raw files and the tables share; `results/README.md` explains them."""

import re
from collections.abc import Collection, Mapping
from types import UnionType
from typing import Any

SCHEMA = 1

BACKENDS = ("tensorflow", "jax", "torch")
DEVICES = ("cpu", "gpu")
MODES = ("jit", "eager", "graph")
RUN_METRICS = ("forward", "backward")
COMPILE_METRICS = ("compile_cold", "compile_warm")
METRICS = RUN_METRICS + COMPILE_METRICS
PHASES = ("trace_s", "lower_s", "compile_s", "first_run_s")
STOPS = ("precise", "plateau", "timeout", "single")

STATUSES = ("ok", "unsupported", "failed", "timeout", "out_of_memory", "crashed")
"""How a case can end in one launch, mildest first: a cell takes the worst of its launches."""
MEASURED = ("ok", "unstable")
"""The statuses of a cell whose times may be compared."""

MACHINE_FAMILY = "machine"
NATIVE_PREFIX = "native_"
OUTSIDE_PREFIX = "outside."

IDENTITY = ("family", "workload", "size", "dtype", "mode", "metric")
"""What tells the cells of one backend apart; the technique follows from the workload."""
FACTS = ("commit", "machine", "backend_version", "keras_version")

COLUMNS = (
    *("run", "commit", "timestamp", "machine", "backend", "backend_version", "keras_version", "device"),
    *("family", "workload", "technique", "size", "dtype", "mode", "metric", "status"),
    *("median_s", "ci_low_s", "ci_high_s", "min_s", "rounds", "launches", "stop"),
    *("flops", "bytes", "flops_per_s", "bytes_per_s", "roofline_fraction", "peak_memory_bytes", "native_ratio"),
    *("reason", "interval", *PHASES, "graphs", "graph_breaks", "cpu_per_wall", "shape"),
    *("attention", "gpu_clock_mhz", "slowed_by", "native_low", "native_high", "native"),
)
TIMES = ("median_s", "ci_low_s", "ci_high_s")
INTEGERS = ("rounds", "launches", "peak_memory_bytes", "graphs", "graph_breaks")
NUMBERS = (
    *(*TIMES, "min_s"),
    *("flops", "bytes", "flops_per_s", "bytes_per_s", "roofline_fraction", "native_ratio", *PHASES, "cpu_per_wall"),
    *("gpu_clock_mhz", "native_low", "native_high"),
)

Kind = type | UnionType | tuple[str, ...]
"""What a field may hold: a type, a union of types, or one of these words."""

HEAD_FIELDS: Mapping[str, Kind] = {
    "run": str,
    "backend": BACKENDS,
    "device": DEVICES,
    "launch": int,
    "pass": int,
    "settings": dict,
    "facts": dict,
}
FACT_FIELDS: Mapping[str, Kind] = dict.fromkeys(FACTS, str)
KNOWN_FACT_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("host", "cpu", "device_name", "driver", "os", "python", "source", "surroundings"), str),
    "cores": int | float,
    "memory_bytes": int,
    "accelerators": list,
}
"""Those that not every launch has."""
SETTING_FIELDS: Mapping[str, Kind] = {"profile": str, "workloads": list, "launches": int, "keyword": str}
CELL_FIELDS: Mapping[str, Kind] = {**dict.fromkeys((*IDENTITY, "technique"), str), "mode": MODES, "metric": METRICS}
MEASUREMENT_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("flops", "bytes", "cpu_per_wall", "gpu_clock_mhz", "first_call_s", "measured_s"), int | float),
    **dict.fromkeys(("peak_memory_bytes", "graphs", "graph_breaks"), int),
    **dict.fromkeys(("native", "shape", "attention", "slowed_by"), str),
    "stop": STOPS,
    "phases": dict,
}
PHASE_FIELDS: Mapping[str, Kind] = dict.fromkeys(PHASES, int | float)
SIZES = ("small", "medium", "large")
SWEEP = re.compile(r"(\w+)=([1-9]\d*)")


def sweep_point(size: str) -> tuple[str, int] | None:
    """("tokens", 512) for "tokens=512"; None for a size that is no point of a sweep."""
    match = SWEEP.fullmatch(size)
    return (match[1], int(match[2])) if match else None


def size_order(size: str) -> tuple[int, str, int]:
    """A sort key: small, medium, large, then other names, then sweeps by number."""
    if size in SIZES:
        return SIZES.index(size), "", 0
    return (4, *point) if (point := sweep_point(size)) else (3, size, 0)


def check_fields(record: Any, fields: Mapping[str, Kind], optional: Collection[str] = ()) -> None:
    """Raise `ValueError` unless `record` is a mapping with these fields; an optional one may be missing or null."""
    if not isinstance(record, dict):
        raise ValueError(f"expected an object with the fields {', '.join(fields)}. Received: {record!r:.80}")
    for name, kind in fields.items():
        value = record.get(name)
        if value is None and name in optional:
            continue
        if not (value in kind if isinstance(kind, tuple) else _is_a(value, kind)):
            raise ValueError(f"`{name}` must be {_describe(kind)}. Received: {name}={value!r:.80}")


def _is_a(value: Any, kind: type | UnionType) -> bool:
    """Whether a value has this type; a whole number also the size that tables hold."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**63 and isinstance(value, kind)
    return isinstance(value, kind)


def _describe(kind: Kind) -> str:
    if isinstance(kind, tuple):
        return "one of " + ", ".join(kind)
    return kind.__name__ if isinstance(kind, type) else str(kind)
