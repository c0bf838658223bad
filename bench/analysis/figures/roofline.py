"""The roofline: work per second over work per byte, under what the machine was measured to do."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.analysis.figures import style
from bench.analysis.figures.interactive import SYMBOLS, Cell, PlotlyFigure, cell_backends, log_axis, number
from bench.analysis.figures.panels import COMPARED_MODES
from bench.analysis.tables import comparison

HEIGHT = 300
CAPTION = (
    "Forward passes against the measured ceilings of this machine: bandwidth (slope) and arithmetic (flat). "
    "Filled: jit, hollow: eager."
)


def image(rows: pd.DataFrame, ceiling: pd.Series) -> Figure:
    """Work per second over work per byte, under what the machine was measured to do; a panel a family."""
    cells = with_intensity(rows)
    families = list(dict.fromkeys(cells["family"]))
    columns = min(3, len(families))
    lines = -(-len(families) // columns)
    figure, axes = style.grid(lines, columns, 0.5 + 2.9 * lines, 0.8 + 3.4 * columns, sharex=True, sharey=True)
    for axis, family in zip(axes.flat, families, strict=False):
        axis.set(title=style.label(family), xlabel="flop per byte", ylabel="Gflop/s")
        axis.xaxis.set_tick_params(labelbottom=True)
        for (backend, mode), points in cells[cells["family"] == family].groupby(["backend", "mode"]):
            face = style.COLOURS[backend] if mode == "jit" else "none"
            look = {"color": style.COLOURS[backend], "marker": style.MARKERS[backend], "markerfacecolor": face}
            axis.plot(points["intensity"], points["flops_per_s"] / 1e9, linestyle="none", markersize=4.5, **look)
        axis.grid()
    for axis in axes.flat[len(families) :]:
        axis.set_visible(False)
    rates = cells["flops_per_s"] / 1e9
    for axis in axes.flat[: len(families)]:
        _roof(axis, style.log_limits(cells["intensity"], [], []), ceiling)
    style.log_axis(axes[0, 0].yaxis, style.log_limits(rates, [], [ceiling["peak_flops"] / 1e9]))
    modes = [
        Line2D([], [], color=style.GREY, marker="o", linestyle="none", markerfacecolor=face, label=mode)
        for mode, face in (("jit", style.GREY), ("eager", "none"))
    ]
    roof = Line2D([], [], color="black", linewidth=1.2, label="measured ceiling")
    style.legend(figure, [*style.backend_handles(style.backends_in(cells)), *modes, roof])
    return figure


def with_intensity(rows: pd.DataFrame) -> pd.DataFrame:
    """The cells that have a place in the image: those of which operations and bytes are known."""
    cells = comparison.measured(rows)
    cells = cells[(cells["metric"] == "forward") & cells["mode"].isin(COMPARED_MODES)]
    cells = cells.assign(intensity=cells["flops"] / cells["bytes"]).dropna(subset=["intensity", "flops_per_s"])
    return cells[cells["intensity"] > 0]


def _roof(axis: Axes, limits: tuple[float, float], ceiling: pd.Series) -> None:
    intensity = np.geomspace(*limits, 200)
    rate = np.fmin(ceiling["peak_flops"], intensity * ceiling["peak_bytes"])
    axis.plot(intensity, rate / 1e9, color="black", linewidth=1.2, zorder=1)
    style.log_axis(axis.xaxis, limits)


def chart(cells: Sequence[Cell], peak_flops: float, peak_bytes: float) -> PlotlyFigure:
    """Work per second over work per byte, under what the machine was measured to do; hollow marks are eager."""
    data = []
    for backend in cell_backends(cells):
        own = [cell for cell in cells if cell.backend == backend]
        symbol = SYMBOLS[backend]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": backend,
                "x": [number(cell.flops / cell.bytes) for cell in own],
                "y": [number(cell.flops_per_s / 1e9) for cell in own],
                "marker": {
                    "size": 8,
                    "color": style.COLOURS[backend],
                    "symbol": [symbol if cell.mode == "jit" else f"{symbol}-open" for cell in own],
                },
                "customdata": [cell.place for cell in own],
            }
        )
    low, high = style.log_limits([cell.flops / cell.bytes for cell in cells], [], [])
    at = sorted({*np.geomspace(low, high, 20).tolist(), float(np.clip(peak_flops / peak_bytes, low, high))})
    roof = [min(peak_flops, x * peak_bytes) / 1e9 for x in at]
    line = {"type": "scatter", "mode": "lines", "name": "measured ceiling", "hoverinfo": "skip"}
    look = {"line": {"width": 2, "color": style.GREY}}
    data.append(line | look | {"x": [number(x) for x in at], "y": [number(y) for y in roof]})
    rates = style.log_limits([*roof, *(cell.flops_per_s / 1e9 for cell in cells)], [], [])
    layout = {"height": HEIGHT, "xaxis": log_axis("flop per byte", (low, high)), "yaxis": log_axis("Gflop/s", rates)}
    return {"data": data, "layout": layout}


def has_intensity(cell: Cell) -> bool:
    """Whether a roofline can show it."""
    return cell.measured and cell.flops > 0 and cell.bytes > 0 and math.isfinite(cell.flops_per_s)
