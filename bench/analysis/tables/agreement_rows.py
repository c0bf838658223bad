"""The rows of verdicts, and those of what could not be compared; a check's row lacks what `finished` knows."""

import fnmatch
from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.analysis.tables.numerics_files import FILE, Record, Run, again
from bench.numerics.run_folder import ORACLE

AGREE, DISAGREE = "agree", "disagree"
EXCEPTED = "excepted"

# Tensors that one line names.
MOST_NAMED = 3

# The modes that each backend computes values in.
MODES = ("eager", "jit")
# The checks of what cannot be compared: damaged files, and what was planned and is not there.
DAMAGE, MISSING = "damage", "missing"
LOST = (DAMAGE, MISSING)
ALL = "all"


def row(backend: str, mode: str, check: str, tensor: str, **fields: Any) -> dict[str, Any]:
    """A row that disagrees unless its error is within its tolerance."""
    return {
        "backend": backend,
        "mode": mode,
        "check": check,
        "tensor": tensor,
        "error": np.inf,
        "tolerance": 0.0,
    } | fields


def finished(row: dict[str, Any], technique: str, dtype: str, device: str, about: dict[str, Any]) -> dict[str, Any]:
    """The row with its verdict; an exception of the catalogue widens its tolerance, unless it stands for a loss."""
    row = {"technique": technique, "device": device, "dtype": dtype} | row
    path = f"{row['backend']}/{dtype}/{row['mode']}/{row['tensor']}"
    is_fine = row["error"] <= row["tolerance"]
    for pattern, (factor, why) in about["tolerances"].items():
        if not is_fine and row["check"] not in LOST and fnmatch.fnmatchcase(path, pattern):
            row["tolerance"] = (row["tolerance"] or 1.0) * factor
            row["reason"] = f"{EXCEPTED}: {why}"
    verdict = AGREE if row["error"] <= row["tolerance"] else DISAGREE
    if is_fine and row["check"] in ("oracle", "repeat"):
        row["reason"] = ""
    return row | {"verdict": verdict}


def damage(run: Run) -> Iterator[dict[str, Any]]:
    """Of the files that belong to no single result: the oracle, which draws the cases, answers for them."""
    for whose, reason in run.damage:
        backend, _, device = (whose if whose in run.workers else ORACLE).partition("-")
        about = row(backend, "exact", DAMAGE, FILE, reason=reason)
        yield finished(about, whose, "", device, {"tolerances": {}})


def not_computed(run: Run, worker: str, dtype: str) -> dict[str, Any]:
    return lost(worker, ALL, f"not computed in {run.folder / worker / dtype}; {again(run.folder)}")


def planned(worker: str, part: str, record: Record) -> dict[str, Any]:
    return lost(worker, part, is_not_there(record))


def is_not_there(record: Record) -> str:
    return f"was planned and is not there; {record.remedy}"


def lost(worker: str, part: str, reason: str) -> dict[str, Any]:
    backend, _, device = worker.partition("-")
    mode, _, what = part.partition("/")
    return row(backend, mode, MISSING, what or part, reason=reason, device=device)


def failures(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    for backend, record in records.items():
        for part, reason in record.failures.items():
            yield failure(backend, part, reason)


def failure(backend: str, part: str, reason: str, **fields: Any) -> dict[str, Any]:
    mode, _, what = part.partition("/")
    check = DAMAGE if part == FILE else "failure"
    return row(backend, mode, check, what or part, reason=reason, **fields)


def tensors(records: dict[str, Record]) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Backend, mode, phase and name, value."""
    for backend, record in records.items():
        for name, value in record.arrays.items():
            mode, _, tensor = name.partition("/")
            if mode in MODES:
                yield backend, mode, tensor, value


def reference(oracle: Record, tensor: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What is right, and the noise that rounding adds; neither without the other."""
    exact, noise = oracle.arrays.get(f"exact/{tensor}"), oracle.arrays.get(f"noise/{tensor}")
    return (exact, noise) if exact is not None and noise is not None and exact.shape == noise.shape else (None, None)


def some(names: list[str]) -> str:
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
