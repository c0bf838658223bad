"""What compiling spends its time on, as far as a framework tells its phases apart."""

import math
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.analysis.figures import style
from bench.analysis.figures.interactive import Cell, PlotlyFigure, by_row, crosses, hatched, label, layout, number
from bench.analysis.figures.panels import COMPILE_PANELS, ROW_KEY, in_panels
from bench.analysis.tables import comparison, schema

ROW = 19
"""Pixels of a row."""
PATTERNS = ("", "/", "x", ".", "-")


def image(rows: pd.DataFrame) -> Figure:
    """Where compiling spends its time: means over the workloads that every backend compiled."""
    rows = in_panels(rows, COMPILE_PANELS)
    panels = [panel for panel in COMPILE_PANELS if len(panel.of(rows))]
    means = {panel: _mean_phases(panel.of(rows)) for panel in panels}
    bars = sorted(
        {bar for mean in means.values() for bar in mean.index}, key=lambda b: (b[0], schema.BACKENDS.index(b[1]))
    )
    figure, axes = style.grid(1, len(panels), 1.2 + 0.27 * len(bars), sharey=True)
    for axis, panel in zip(axes[0], panels, strict=True):
        style.row_labels(axis, [style.label(family, style.SHORT_NAMES[backend]) for family, backend in bars])
        mean = means[panel].reindex(bars)
        left = np.zeros(len(bars))
        for phase, (_, colour) in style.PHASES.items():
            axis.barh(range(len(bars)), mean[phase], left=left, height=0.7, color=colour)
            left = left + mean[phase].fillna(0).to_numpy()
        axis.set(title=panel.title, xlabel="mean time (s)")
        axis.grid(axis="x")
    style.legend(figure, [Patch(color=colour, label=name) for name, colour in style.PHASES.values()])
    return figure


def _mean_phases(rows: pd.DataFrame) -> pd.DataFrame:
    cells = comparison.measured(rows)
    complete = cells.groupby(["family", *ROW_KEY])["backend"].transform("nunique") == cells["backend"].nunique()
    known = cells[list(schema.PHASES)].sum(axis=1)
    cells = cells.assign(rest_s=(cells["median_s"] - known).clip(lower=0))
    return (
        cells[complete]
        .fillna(dict.fromkeys(schema.PHASES, 0.0))
        .groupby(["family", "backend"])[list(style.PHASES)]
        .mean()
    )


def chart(cells: Sequence[Cell]) -> PlotlyFigure:
    """What compiling spends its time on: a row a workload, size and backend, a part of its bar a phase."""
    order = schema.BACKENDS.index
    grouped = [sorted(own, key=lambda cell: order(cell.backend)) for own in by_row(cells).values()]
    places = {cell.place: row for row, cell in enumerate(chain(*grouped))}
    shown = [cell for cell in cells if cell.measured]
    parts = [_parts(cell) for cell in shown]
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": [number(part[phase]) for part in parts],
            "y": [places[cell.place] for cell in shown],
            "marker": {"color": colour, "pattern": hatched(pattern)},
            "customdata": [cell.place for cell in shown],
        }
        for (phase, (name, colour)), pattern in zip(style.PHASES.items(), PATTERNS, strict=True)
    ]
    data.append(crosses([cell for cell in cells if not cell.measured], lambda cell: (0, places[cell.place])))
    ticks = [
        label(*(() if number else row), style.SHORT_NAMES[cell.backend])
        for row, own in zip(by_row(cells), grouped, strict=True)
        for number, cell in enumerate(own)
    ]
    axis = {"title": {"text": "s"}, "rangemode": "tozero"}
    return {"data": data, "layout": layout(ticks, axis, ROW) | {"barmode": "stack"}}


def _parts(cell: Cell) -> dict[str, float]:
    known = {phase: getattr(cell, phase) for phase in schema.PHASES}
    told = sum(seconds for seconds in known.values() if math.isfinite(seconds))
    return known | {"rest_s": max(0.0, cell.median_s - told)}
