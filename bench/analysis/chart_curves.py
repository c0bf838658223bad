"""Cells -> the charts with two logarithmic axes: growth with size, and the roofline."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis import style, text
from bench.analysis.charts import Cell, Figure, backends_in, number

SYMBOLS = {"tensorflow": "circle", "jax": "square", "torch": "triangle-up"}
HEIGHT = 300
MOST_DECADES = 2.6
"""Of an axis that has more than one label a decade."""
Fits = dict[str, Any]


def scaling(points: Sequence[Cell], fits: Fits, axis: str) -> Figure:
    """Time over size, a line a backend, with the exponent of each; hollow marks took no part in its fit.

    `points` have `number` and `above_floor`; `fits` maps a backend to its row of `compare.scaling`.
    """
    unit, factor = style.time_unit(pd.Series([point.median_s for point in points]))
    data = []
    for backend in backends_in(points):
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
        "xaxis": _axis(axis, style.log_limits(sizes, [], [])),
        "yaxis": _axis(f"time of a call ({unit})", style.log_limits(*heights)),
    }
    return {"data": data, "layout": layout}


def exponent(fit: Any) -> str:
    """With its interval."""
    return f"{fit.exponent:.2f} [{fit.exponent_low:.2f}, {fit.exponent_high:.2f}]"


def roofline(cells: Sequence[Cell], peak_flops: float, peak_bytes: float) -> Figure:
    """Work per second over work per byte, under what the machine was measured to do; hollow marks are eager."""
    data = []
    for backend in backends_in(cells):
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
    layout = {"height": HEIGHT, "xaxis": _axis("flop per byte", (low, high)), "yaxis": _axis("Gflop/s", rates)}
    return {"data": data, "layout": layout}


def has_intensity(cell: Cell) -> bool:
    """Whether a roofline can show it."""
    return cell.measured and cell.flops > 0 and cell.bytes > 0 and math.isfinite(cell.flops_per_s)


def told(fit: Any) -> str:
    """A fit in words, for a page."""
    basis = f"{text.count(fit.points, 'size')}, {text.count(fit.launches, 'launch')}"
    return f"{fit.backend}, {fit.mode} {fit.metric}: time grows with {fit.axis} to the power {exponent(fit)}, {basis}"


def _axis(title: str, limits: tuple[float, float]) -> dict[str, Any]:
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
