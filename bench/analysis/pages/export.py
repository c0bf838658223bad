"""Cells in the formats of other tools."""

from typing import Any

import pandas as pd

from bench.analysis import formats
from bench.analysis.pages import terminal_summary
from bench.analysis.tables import comparison, machines_and_runs, schema

MILLISECONDS = 1e3


def github_benchmark(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What benchmark-action/github-action-benchmark reads with `tool: customSmallerIsBetter`: one entry a time.

    It joins points by name, which has the machine only where several are told apart.
    """
    cells = comparison.measured(frame)
    several = cells["machine"].nunique() > 1
    return [_entry(cell, [cell.machine] if several else []) for cell in cells.itertuples()]


def left_out(frame: pd.DataFrame) -> list[str]:
    """A line for each trouble whose cells have no entry; what a backend cannot do is none."""
    return [
        f"no entry for {formats.line(terminal_summary.trouble_line(trouble))}"
        for trouble in machines_and_runs.troubles(frame)
        if trouble["status"] not in (*schema.MEASURED, "unsupported")
    ]


def _entry(cell: Any, places: list[str]) -> dict[str, Any]:
    names = (cell.family, cell.workload, cell.size, cell.dtype, cell.mode, cell.metric, cell.backend, cell.device)
    entry = {"name": " / ".join([*names, *places]), "unit": "ms", "value": cell.median_s * MILLISECONDS}
    if pd.notna(cell.ci_low_s):
        entry["range"] = f"{cell.ci_low_s * MILLISECONDS:.6g} to {cell.ci_high_s * MILLISECONDS:.6g}"
    basis = f"{formats.count(cell.launches, 'launch')}, {formats.count(cell.rounds, 'round')}"
    versions = f"{cell.backend} {cell.backend_version}, Keras {cell.keras_version}, {cell.machine}"
    return entry | {"extra": f"median of {basis}; {cell.status}; {versions}"}
