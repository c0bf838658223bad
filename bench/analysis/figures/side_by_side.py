"""Backends side by side: a row a workload and size, each backend's median with its 95 % interval."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis import formats
from bench.analysis.figures import style
from bench.analysis.figures.interactive import (
    Cell,
    PlotlyFigure,
    Row,
    by_row,
    cell_backends,
    crosses,
    hatched,
    label,
    layout,
    number,
)
from bench.analysis.figures.panels import ROW_KEY, Panel, in_panels, row_names
from bench.analysis.tables import comparison

MIB = 2.0**20
BAR = 13
"""Pixels of a bar."""


@dataclass(frozen=True)
class Measure:
    """What a bar shows: its length with the limits of its interval, and what the axis is called.

    Bars beyond `end` are cut, and their length is written on them.
    """

    axis: str
    of: Callable[[Cell], tuple[float, float, float]]
    end: float = math.inf


RATIO = Measure("times the fastest", lambda c: (c.ratio, c.ratio_low, c.ratio_high), end=10)
MILLISECONDS = Measure("ms", lambda c: (1e3 * c.median_s, 1e3 * c.ci_low_s, 1e3 * c.ci_high_s))
MEMORY = Measure("MiB", lambda c: (c.peak_memory_bytes / MIB, math.nan, math.nan))


def image(rows: pd.DataFrame, panels: Sequence[Panel]) -> Figure:
    """Backends side by side: a row a workload and size, the median and its 95 % interval."""
    rows = in_panels(rows, panels)
    panels = [panel for panel in panels if len(panel.of(rows))]
    cells, names = comparison.measured(rows), row_names(rows)
    backends = style.backends_in(rows)
    unit, factor = style.time_unit(cells["median_s"])
    figure, axes = style.grid(1, len(panels), 1.3 + 0.34 * len(names), sharex=True, sharey=True)
    for axis, panel in zip(axes[0], panels, strict=True):
        style.row_labels(axis, list(names.values()))
        for backend, lane in zip(backends, style.lanes(len(backends)), strict=True):
            of_backend = panel.of(cells[cells["backend"] == backend])
            _intervals(axis, of_backend.set_index(ROW_KEY).reindex(list(names)), backend, lane, factor)
        axis.set(title=panel.title, xlabel=f"time ({unit})")
        axis.grid(axis="x")
    limits = style.log_limits(*(cells[name] * factor for name in ("median_s", "ci_low_s", "ci_high_s")))
    style.log_axis(axes[0, 0].xaxis, limits, most_ticks=5)
    style.legend(figure, [*style.backend_handles(backends), style.missing_handle()])
    return figure


def _intervals(axis: Axes, cells: pd.DataFrame, backend: str, lane: float, factor: float) -> None:
    cells = cells.assign(height=np.arange(len(cells)) + lane)
    missing, found = cells["median_s"].isna(), cells.dropna(subset=["median_s"])
    middle = found["median_s"]
    reach = np.array([middle - found["ci_low_s"], found["ci_high_s"] - middle])
    look = {"color": style.COLOURS[backend], "linestyle": "none"}
    spread = np.nan_to_num(reach) * factor
    axis.errorbar(middle * factor, found["height"], xerr=spread, marker=style.MARKERS[backend], elinewidth=1.2, **look)
    at_edge = axis.get_yaxis_transform()
    axis.plot(0.03 * missing[missing], cells["height"][missing], marker="x", markersize=4, transform=at_edge, **look)


def chart(cells: Sequence[Cell], measure: Measure) -> PlotlyFigure:
    """Backends side by side: a row a workload and size."""
    rows = by_row(cells)
    places = {row: place for place, row in enumerate(rows)}
    backends = cell_backends(cells)
    lanes = dict(zip(backends, style.lanes(len(backends)), strict=True))
    shown = [cell for cell in cells if cell.measured and math.isfinite(measure.of(cell)[0])]
    reach = max((limit for cell in shown for limit in measure.of(cell) if math.isfinite(limit)), default=1.0)
    end = min(measure.end, 1.05 * reach)

    def height(cell: Cell) -> float:
        return round(places[cell.workload, cell.size] + lanes[cell.backend], 3)

    data = [_bars([c for c in shown if c.backend == backend], backend, height, measure, end) for backend in backends]
    data.append(crosses([cell for cell in cells if not cell.measured], lambda cell: (0, height(cell))))
    ticks = [_tick(row, own, measure) for row, own in rows.items()]
    axis = {"title": {"text": measure.axis}, "range": [0, end]}
    return {"data": data, "layout": layout(ticks, axis, BAR * (1 + len(backends)))}


def _bars(
    cells: Sequence[Cell], backend: str, height: Callable[[Cell], float], measure: Measure, end: float
) -> dict[str, Any]:
    values = [measure.of(cell) for cell in cells]
    return {
        "type": "bar",
        "orientation": "h",
        "name": backend,
        "x": [number(value) for value, _, _ in values],
        "y": [height(cell) for cell in cells],
        "width": 0.24,
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [number(high - value) for value, _, high in values],
            "arrayminus": [number(value - low) for value, low, _ in values],
        },
        "text": [formats.ratio(value) if value > end else "" for value, _, _ in values],
        "textposition": "inside",
        "insidetextanchor": "start",
        "marker": {
            "color": style.COLOURS[backend],
            "pattern": hatched(["/" if cell.status == "unstable" else "" for cell in cells]),
        },
        "customdata": [cell.place for cell in cells],
    }


def _tick(row: Row, cells: Sequence[Cell], measure: Measure) -> str:
    times = [cell.median_s for cell in cells if cell.measured]
    fastest = f"<br><i>fastest: {formats.seconds(min(times))}</i>" if measure is RATIO and times else ""
    return label(*row) + fastest
