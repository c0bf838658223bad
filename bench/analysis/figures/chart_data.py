"""What the charts of a page are made from, computed once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis.figures import interactive
from bench.analysis.figures.interactive import Cell
from bench.analysis.tables import comparison
from bench.analysis.tables.load import Loaded

SWEEP = ("workload", "mode", "metric", "axis")


@dataclass(frozen=True, eq=False)
class Material:
    """What the charts are made from: cells (`interactive.prepared`), points of sweeps, their fits, and ceilings."""

    cells: pd.DataFrame
    points: pd.DataFrame
    fits: dict[tuple, dict[str, Any]]
    ceilings: dict[tuple, Any]


def material(loaded: Loaded) -> Material:
    cells = comparison.techniques(interactive.prepared(loaded))
    points = comparison.sweep_points(cells)
    fits: dict[tuple, dict[str, Any]] = defaultdict(dict)
    for fit in comparison.scaling(cells).itertuples():
        fits[key(fit, (*comparison.SETTING, *SWEEP))][fit.backend] = fit
    known = loaded.ceilings.dropna(subset=["peak_flops", "peak_bytes"])
    return Material(cells, points, fits, {key(row, comparison.SETTING): row for row in known.itertuples()})


def split(rows: pd.DataFrame, by: str) -> dict[tuple, list[Cell]]:
    """The cells by setting and the column `by`."""
    found: dict[tuple, list[Cell]] = defaultdict(list)
    for cell in rows.itertuples():
        found[key(cell, (*comparison.SETTING, by))].append(cell)
    return found


def key(row: Any, names: Sequence[str]) -> tuple:
    """These values of a row."""
    return tuple(getattr(row, name) for name in names)
