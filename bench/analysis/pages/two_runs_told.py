"""A comparison of two stored runs, for a terminal and as JSON."""

from typing import Any

import pandas as pd
from rich.console import Console

from bench.analysis import formats
from bench.analysis.pages import json_text, terminal
from bench.analysis.statistics import version_verdicts
from bench.analysis.tables.two_runs import CELL, TwoRuns

HEADINGS = ("verdict", "cell", "B / A", "95 % interval", "A", "B", "launches", "p")
NUMERIC = ("B / A", "95 % interval", "A", "B", "launches", "p")


def as_json(found: TwoRuns) -> dict[str, Any]:
    return {"notes": found.notes, "cells": json_text.records(found.cells), "problems": found.problems}


def show(found: TwoRuns, console: Console) -> None:
    rows = [_row(cell) for cell in found.cells.itertuples()]
    console.print(terminal.table("B over A", HEADINGS, rows, NUMERIC))
    for note in found.notes:
        console.print(formats.line(note))
    counts = found.cells["verdict"].value_counts()
    console.print(", ".join(f"{counts[word]} {word}" for word in version_verdicts.WORST_FIRST if word in counts))


def _row(cell: Any) -> list[str]:
    return [
        f"{cell.verdict}: {cell.reason}" if cell.reason else cell.verdict,
        " ".join(getattr(cell, name) for name in CELL),
        formats.ratio(cell.ratio),
        formats.interval(cell.ci_low, cell.ci_high),
        formats.seconds(cell.median_s_a),
        formats.seconds(cell.median_s_b),
        f"{_count(cell.launches_a)}, {_count(cell.launches_b)}",
        formats.MISSING if pd.isna(cell.p_value) else f"{cell.p_value:.2g}",
    ]


def _count(launches: Any) -> str:
    return formats.MISSING if pd.isna(launches) else str(launches)
