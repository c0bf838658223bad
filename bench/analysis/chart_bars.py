"""Charts of bars: backends side by side, and the phases of compiling."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from bench.analysis import schema, style, text
from bench.analysis.charts import Cell, Figure, Row, backends_in, by_row, crosses, label, layout, number

MIB = 2.0**20
BAR, PHASE = 13, 19
"""Pixels of a bar, and of a row of phases."""
PATTERNS = ("", "/", "x", ".", "-")


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


def bars(cells: Sequence[Cell], measure: Measure) -> Figure:
    """Backends side by side: a row a workload and size."""
    rows = by_row(cells)
    places = {row: place for place, row in enumerate(rows)}
    backends = backends_in(cells)
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
        "text": [text.ratio(value) if value > end else "" for value, _, _ in values],
        "textposition": "inside",
        "insidetextanchor": "start",
        "marker": {
            "color": style.COLOURS[backend],
            "pattern": _pattern(["/" if cell.status == "unstable" else "" for cell in cells]),
        },
        "customdata": [cell.place for cell in cells],
    }


def _tick(row: Row, cells: Sequence[Cell], measure: Measure) -> str:
    times = [cell.median_s for cell in cells if cell.measured]
    fastest = f"<br><i>fastest: {text.seconds(min(times))}</i>" if measure is RATIO and times else ""
    return label(*row) + fastest


def phases(cells: Sequence[Cell]) -> Figure:
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
            "marker": {"color": colour, "pattern": _pattern(pattern)},
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
    return {"data": data, "layout": layout(ticks, axis, PHASE) | {"barmode": "stack"}}


def _pattern(shape: str | list[str]) -> dict[str, Any]:
    return {"shape": shape, "size": 6, "fillmode": "overlay", "fgcolor": "#000000", "fgopacity": 0.3}


def _parts(cell: Cell) -> dict[str, float]:
    known = {phase: getattr(cell, phase) for phase in schema.PHASES}
    told = sum(seconds for seconds in known.values() if math.isfinite(seconds))
    return known | {"rest_s": max(0.0, cell.median_s - told)}
