"""Heat maps: a row a workload and size, a column a backend, a tile's colour the logarithm of a ratio of times."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.analysis.figures import style
from bench.analysis.figures.interactive import (
    Cell,
    PlotlyFigure,
    by_row,
    cell_backends,
    crosses,
    label,
    layout,
    number,
)
from bench.analysis.figures.panels import ROW_KEY, RUN_PANELS, in_panels, row_names
from bench.analysis.tables import comparison

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


def ratio_image(rows: pd.DataFrame) -> Figure:
    """Every cell's time over that of the fastest backend of its case; `rows` have what `comparison.joined` adds."""
    compared = comparison.measured(rows)
    text = compared["ratio"].map(_short) + np.where(compared["verdict"].isin(comparison.UNCERTAIN), "~", "")
    norm = LogNorm(1, max(2.0, min(10.0, compared["ratio"].max())), clip=True)
    return _heat_map(in_panels(rows, RUN_PANELS), compared.assign(value=compared["ratio"], text=text), "YlOrBr", norm)


def native_image(rows: pd.DataFrame) -> Figure:
    """Every cell's time over that of the same core in the framework's own functions."""
    cells = comparison.measured(rows)
    logs = np.log2(cells["native_ratio"])
    norm = CenteredNorm(0, halfrange=max(1.0, min(3.0, logs.abs().max())), clip=True)
    cells = cells.assign(value=logs, text=cells["native_ratio"].map(_short))[logs.notna()]
    rows = rows[rows["workload"].isin(cells["workload"])]
    return _heat_map(in_panels(rows, RUN_PANELS), cells, "PuOr_r", norm)


def _heat_map(rows: pd.DataFrame, cells: pd.DataFrame, colours: str, norm: Normalize) -> Figure:
    """`cells` have a `value` to colour and a `text` to print; what `rows` have beyond them is drawn as missing."""
    panels = [panel for panel in RUN_PANELS if len(panel.of(rows))]
    names, backends = row_names(rows), style.backends_in(rows)
    figure, axes = style.grid(1, len(panels), 1.1 + 0.29 * len(names), sharey=True)
    for axis, panel in zip(axes[0], panels, strict=True):
        shown = panel.of(cells)
        table, texts = (
            shown.pivot(index=ROW_KEY, columns="backend", values=name).reindex(index=list(names), columns=backends)
            for name in ("value", "text")
        )
        _tiles(axis, table.to_numpy(dtype=float), texts.to_numpy(), colours, norm)
        axis.set_xticks(range(len(backends)), [style.SHORT_NAMES[backend] for backend in backends])
        axis.set_yticks(range(len(names)), list(names.values()))
        axis.set(title=panel.title, ylim=(len(names) - 0.5, -0.5))
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    style.legend(figure, [style.missing_patch()])
    return figure


def _tiles(axis: Axes, values: np.ndarray, texts: np.ndarray, colours: str, norm: Normalize) -> None:
    rows, columns = (np.arange(count + 1) - 0.5 for count in values.shape)
    mesh = axis.pcolormesh(columns, rows, values, cmap=colours, norm=norm, edgecolors="white", linewidth=1.5)
    for row, column in np.ndindex(values.shape):
        if np.isnan(values[row, column]):
            corner = column - 0.5, row - 0.5
            axis.add_patch(
                Rectangle(corner, 1, 1, facecolor=style.PALE, edgecolor="#BBBBBB", hatch="////", linewidth=0)
            )
            continue
        red, green, blue, _ = mesh.cmap(norm(values[row, column]))
        ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "black"
        axis.text(column, row, texts[row, column], ha="center", va="center", color=ink, fontsize=8)


def chart(cells: Sequence[Cell], value: Callable[[Cell], float], shades: Shades) -> PlotlyFigure:
    """A tile a cell, coloured by the logarithm of its `value`."""
    backends, rows = cell_backends(cells), by_row(cells)
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
    doubt = "~" if cell.verdict in comparison.UNCERTAIN or cell.status == "unstable" else ""
    return _short(value) + doubt


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"
