"""What all interactive charts of the page share: their cells, their labels, and what a missing result looks like.

A chart is a Plotly figure as plain dictionaries. It names its cells by their places in the table (`customdata`); the
page's script draws it and writes what is told of each one. Text is escaped here, because Plotly reads labels as HTML.
"""

import html
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from bench.analysis import formats
from bench.analysis.figures import style
from bench.analysis.tables import comparison, schema
from bench.analysis.tables.load import Loaded

LONGEST_LABEL = 32
FRAME = 56
"""Pixels of a chart that are not its rows: the axis and what it is called."""

SYMBOLS = {"tensorflow": "circle", "jax": "square", "torch": "triangle-up"}
MOST_DECADES = 2.6
"""Of an axis that has more than one label a decade."""

Cell = Any
"""A row of `prepared`, as `itertuples` gives it."""
PlotlyFigure = dict[str, Any]
Row = tuple[str, str]
"""A workload and a size."""


def prepared(loaded: Loaded) -> pd.DataFrame:
    """One row a case and backend, the newest, with what `comparison.ratios` says; `place` is its place in the table.

    A case that failed is a row too, unless it was measured in another run.
    """
    rows = comparison.joined(loaded)
    rows = rows.assign(measured=rows["status"].isin(schema.MEASURED), place=range(len(rows)))
    rows = rows.sort_values(["measured", "timestamp"], kind="stable")
    rows = rows.drop_duplicates([*comparison.CASE, "backend"], keep="last").sort_index()
    return rows.astype({"peak_memory_bytes": "float64"})


def label(*parts: str, longest: int = LONGEST_LABEL) -> str:
    """Text for a chart: one line, not too long, and never read as markup."""
    return html.escape(formats.join(*map(formats.line, parts), longest=longest), quote=False)


def number(value: float) -> float | None:
    """With six digits, and None for what is unknown."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def cell_backends(cells: Iterable[Cell]) -> list[str]:
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


def hatched(shape: str | list[str]) -> dict[str, Any]:
    """Of a bar, or of each of them."""
    return {"shape": shape, "size": 6, "fillmode": "overlay", "fgcolor": "#000000", "fgopacity": 0.3}


def log_axis(title: str, limits: tuple[float, float]) -> dict[str, Any]:
    """Logarithmic, with labels that have room: 1, 2, 5 and 10, or powers of ten alone."""
    decades = math.log10(limits[1] / limits[0])
    known = [n * 10.0**e for e in range(-12, 16) for n in ((1, 2, 5) if decades < MOST_DECADES else (1,))]
    ticks = [tick for tick in known if limits[0] <= tick <= limits[1]]
    return {
        "type": "log",
        "title": {"text": title},
        "range": [number(math.log10(limit)) for limit in limits],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
        "showgrid": True,
    }
