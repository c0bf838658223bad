"""Growth with size: time over size on logarithmic axes, a line a backend, with the exponent of each.

Hollow marks took no part in the fit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.analysis import formats
from bench.analysis.figures import style
from bench.analysis.figures.interactive import SYMBOLS, Cell, PlotlyFigure, cell_backends, log_axis, number
from bench.analysis.figures.panels import RUN_PANELS
from bench.analysis.tables import comparison

HEIGHT = 300
CAPTION = (
    f"Exponent of the power law through the filled marks, with its 95 % interval. Hollow marks lie below "
    f"{comparison.ABOVE_FLOOR} times the shortest call of that backend, where fixed costs hide the growth."
)


def image(rows: pd.DataFrame) -> Figure:
    """Sweeps on logarithmic axes, each with its fitted exponent; hollow marks took no part in the fit."""
    points, fits = comparison.sweep_points(rows), comparison.scaling(rows)
    panels = [panel for panel in RUN_PANELS if len(panel.of(points))]
    sweeps = list(points[["workload", "axis"]].drop_duplicates().itertuples(index=False, name=None))
    width = min(style.WIDTH, 0.8 + 3.4 * len(panels))
    figure, axes = style.grid(len(sweeps), len(panels), 0.5 + 2.4 * len(sweeps), width)
    unit, factor = style.time_unit(points["median_s"])
    for (workload, name), row in zip(sweeps, axes, strict=True):
        for axis, panel in zip(row, panels, strict=True):
            mask = (points["workload"] == workload) & (points["axis"] == name)
            chosen = (fits["workload"] == workload) & (fits["axis"] == name)
            _sweep(axis, panel.of(points[mask]), panel.of(fits[chosen]), factor)
            axis.set_title(f"{style.label(workload)}\n{panel.title}")
            axis.set(xlabel=style.label(name), ylabel=f"time per call ({unit})")
    style.legend(figure, style.backend_handles(style.backends_in(points)))
    return figure


def _sweep(axis: Axes, points: pd.DataFrame, fits: pd.DataFrame, factor: float) -> None:
    if points.empty:
        axis.text(0.5, 0.5, "no result", transform=axis.transAxes, ha="center", va="center", color=style.GREY)
        axis.set(xticks=[], yticks=[])
        return
    for backend in style.backends_in(points):
        line = points[points["backend"] == backend].sort_values("number")
        look = {"color": style.COLOURS[backend], "marker": style.MARKERS[backend]}
        axis.plot(line["number"], line["median_s"] * factor, linewidth=0.8, markerfacecolor="white", **look)
        fitted = line[line["above_floor"]]
        axis.plot(fitted["number"], fitted["median_s"] * factor, linestyle="none", **look)
    handles = style.backend_handles(style.backends_in(fits))
    labels = [exponent(fits[fits["backend"] == handle.get_label()].iloc[0]) for handle in handles]
    if handles:
        axis.legend(handles, labels, loc="upper left", fontsize=7.5, frameon=False, handlelength=1.2)
    low, high = style.log_limits(points["median_s"] * factor, [], [])
    style.log_axis(axis.xaxis, style.log_limits(points["number"], [], []), most_ticks=7)
    style.log_axis(axis.yaxis, (low, high * (high / low) ** (0.13 * len(handles))))
    axis.grid()


def chart(points: Sequence[Cell], fits: Mapping[str, Any], axis: str) -> PlotlyFigure:
    """Time over size, a line a backend, with the exponent of each; hollow marks took no part in its fit.

    `points` have `number` and `above_floor`; `fits` maps a backend to its row of `comparison.scaling`.
    """
    unit, factor = style.time_unit(pd.Series([point.median_s for point in points]))
    data = []
    for backend in cell_backends(points):
        line = sorted((point for point in points if point.backend == backend), key=lambda point: point.number)
        times = [(factor * p.median_s, factor * p.ci_low_s, factor * p.ci_high_s) for p in line]
        symbol = SYMBOLS[backend]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": f"{backend}: {exponent(fits[backend])}" if backend in fits else backend,
                "x": [point.number for point in line],
                "y": [number(middle) for middle, _, _ in times],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [number(high - middle) for middle, _, high in times],
                    "arrayminus": [number(middle - low) for middle, low, _ in times],
                },
                "line": {"color": style.COLOURS[backend], "width": 1.5},
                "marker": {"size": 8, "symbol": [symbol if p.above_floor else f"{symbol}-open" for p in line]},
                "customdata": [point.place for point in line],
            }
        )
    sizes = sorted({point.number for point in points})
    heights = [
        [factor * t for t in limits]
        for limits in zip(*((p.median_s, p.ci_low_s, p.ci_high_s) for p in points), strict=True)
    ]
    layout = {
        "height": HEIGHT,
        "xaxis": log_axis(axis, style.log_limits(sizes, [], [])),
        "yaxis": log_axis(f"time of a call ({unit})", style.log_limits(*heights)),
    }
    return {"data": data, "layout": layout}


def exponent(fit: Any) -> str:
    """With its interval."""
    return f"{fit.exponent:.2f} [{fit.exponent_low:.2f}, {fit.exponent_high:.2f}]"


def told(fit: Any) -> str:
    """A fit in words, for a page."""
    basis = f"{formats.count(fit.points, 'size')}, {formats.count(fit.launches, 'launch')}"
    return f"{fit.backend}, {fit.mode} {fit.metric}: time grows with {fit.axis} to the power {exponent(fit)}, {basis}"
