"""Heat maps: a row a workload and size, a column a backend."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.analysis import compare, style
from bench.analysis.charts import Cell, Figure, backends_in, by_row, crosses, label, layout, number

TILE = 24
"""Pixels of a row."""


@dataclass(frozen=True)
class Shades:
    """The colours of a heat map, and the values at their two ends."""

    colours: list[tuple[float, str]]
    low: float
    high: float


SLOWER = Shades([(0, "#fdf6e3"), (0.5, "#f0a64a"), (1, "#8c3a04")], low=1, high=6)
SLOWER_OR_FASTER = Shades(
    [(0, "#5e3c99"), (0.25, "#b2abd2"), (0.5, "#f5f5f5"), (0.75, "#fdb863"), (1, "#b35806")], low=1 / 4, high=4
)


def heat(cells: Sequence[Cell], value: Callable[[Cell], float], shades: Shades) -> Figure:
    """A tile a cell, coloured by the logarithm of its `value`."""
    backends, rows = backends_in(cells), by_row(cells)
    found = {(c.workload, c.size, c.backend): c for c in cells if c.measured and math.isfinite(value(c))}
    grid = [[found.get((*row, backend)) for backend in backends] for row in rows]
    tiles = {
        "type": "heatmap",
        "x": list(range(len(backends))),
        "y": list(range(len(rows))),
        "z": [[number(math.log(value(cell))) if cell else None for cell in line] for line in grid],
        "zmin": number(math.log(shades.low)),
        "zmax": number(math.log(shades.high)),
        "colorscale": shades.colours,
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "text": [[_tile(cell, value(cell)) if cell else "" for cell in line] for line in grid],
        "texttemplate": "%{text}",
        "customdata": [[cell.place if cell else None for cell in line] for line in grid],
    }
    places = {row: place for place, row in enumerate(rows)}
    missing = crosses(
        [cell for cell in cells if not cell.measured],
        lambda cell: (backends.index(cell.backend), places[cell.workload, cell.size]),
    )
    axis = {
        "tickvals": list(range(len(backends))),
        "ticktext": [style.SHORT_NAMES[backend] for backend in backends],
        "range": [-0.5, len(backends) - 0.5],
        "side": "top",
        "ticks": "",
        "showgrid": False,
        "zeroline": False,
    }
    missing["text"] = ["<br>".join(status.rsplit(" ", 1)) for status in missing["text"]]
    missing |= {"mode": "text", "textposition": "middle center", "name": ""}
    return {"data": [tiles, missing], "layout": layout([label(*row) for row in rows], axis, TILE)}


def _tile(cell: Cell, value: float) -> str:
    doubt = "~" if cell.verdict in compare.UNCERTAIN or cell.status == "unstable" else ""
    return f"{value:.2f}{doubt}" if value < 9.995 else f"{value:.0f}{doubt}"
