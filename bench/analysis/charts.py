"""What all interactive charts of the page share: their cells, their labels, and what a missing result looks like.

A chart is a Plotly figure as plain dictionaries. It names its cells by their places in the table (`customdata`); the
page's script draws it and writes what is told of each one. Text is escaped here, because Plotly reads labels as HTML.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from bench.analysis import compare, schema, style, text
from bench.analysis.load import Loaded

LONGEST_LABEL = 32
FRAME = 56
"""Pixels of a chart that are not its rows: the axis and what it is called."""

Cell = Any
"""A row of `prepared`, as `itertuples` gives it."""
Figure = dict[str, Any]
Row = tuple[str, str]
"""A workload and a size."""


def prepared(loaded: Loaded) -> pd.DataFrame:
    """One row a case and backend, the newest, with what `compare.ratios` says; `place` is its place in the table.

    A case that failed is a row too, unless it was measured in another run.
    """
    rows = compare.joined(loaded)
    rows = rows.assign(measured=rows["status"].isin(schema.MEASURED), place=range(len(rows)))
    rows = rows.sort_values(["measured", "timestamp"], kind="stable")
    rows = rows.drop_duplicates([*compare.CASE, "backend"], keep="last").sort_index()
    return rows.astype({"peak_memory_bytes": "float64"})


def label(*parts: str, longest: int = LONGEST_LABEL) -> str:
    """Text for a chart: one line, not too long, and never read as markup."""
    return html.escape(text.join(*map(text.line, parts), longest=longest), quote=False)


def number(value: float) -> float | None:
    """With six digits, and None for what is unknown."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def backends_in(cells: Iterable[Cell]) -> list[str]:
    present = {cell.backend for cell in cells}
    return [backend for backend in schema.BACKENDS if backend in present]


def by_row(cells: Iterable[Cell]) -> dict[Row, list[Cell]]:
    """The cells of each row of a chart, in the order of the cells."""
    found: dict[Row, list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell.workload, cell.size), []).append(cell)
    return found


def crosses(cells: Sequence[Cell], place: Callable[[Cell], tuple[float, float]]) -> dict[str, Any]:
    """What has no result, as a mark that says why."""
    places = [place(cell) for cell in cells]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": "no result",
        "x": [x for x, _ in places],
        "y": [round(y, 3) for _, y in places],
        "text": [cell.status.replace("_", " ") for cell in cells],
        "textposition": "middle right",
        "textfont": {"size": 9},
        "marker": {"symbol": "x", "color": style.GREY, "size": 7},
        "cliponaxis": False,
        "customdata": [cell.place for cell in cells],
    }


def layout(ticks: Sequence[str], axis: dict[str, Any], height: float) -> dict[str, Any]:
    """Of a chart with a row of that height for each tick, the first on top."""
    return {
        "height": round(FRAME + height * len(ticks)),
        "xaxis": axis,
        "yaxis": {
            "tickvals": list(range(len(ticks))),
            "ticktext": list(ticks),
            "range": [len(ticks) - 0.5, -0.5],
            "ticks": "",
            "showgrid": False,
            "zeroline": False,
        },
    }
