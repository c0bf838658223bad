"""Which charts the page has: a section for each setting and family, and what each group of charts says."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from bench.analysis.figures import compile_phases, growth, heat_map, interactive, roofline, side_by_side
from bench.analysis.figures.chart_data import SWEEP, Material, key, split
from bench.analysis.figures.interactive import Cell, PlotlyFigure
from bench.analysis.pages.chart_registry import Chart, Gallery, Group
from bench.analysis.tables import comparison, schema

RUNS = tuple(product(schema.RUN_METRICS, ("jit", "eager")))
COMPILES = tuple(product(schema.COMPILE_METRICS, ("jit",)))
Panels = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Section:
    """What is known of one family in one setting."""

    title: str
    groups: list[Group]


def sections(source: Material, gallery: Gallery) -> list[Section]:
    """A section for each machine, device, dtype and family."""
    typical = split(comparison.typical_sizes(source.cells), "family")
    points = split(source.points, "family")
    several = source.cells["machine"].nunique() > 1
    made = []
    for place in dict.fromkeys([*typical, *points]):
        *setting, family = place
        groups = [
            *_groups(typical.get(place, []), gallery),
            *_sweeps(points.get(place, []), source.fits, gallery),
            *_roofline(typical.get(place, []), source.ceilings.get(tuple(setting)), gallery),
        ]
        shown = [group for group in groups if group.charts]
        made += [Section(" · ".join([family, *(setting if several else setting[1:])]), shown)] if shown else []
    return made


def backends_side_by_side(cells: Sequence[Cell], panels: Panels, gallery: Gallery) -> list[Chart]:
    """A chart of bars for each metric and mode: ratios where there is something to compare, else times."""
    measure = side_by_side.RATIO if _several(cells) else side_by_side.MILLISECONDS
    return _each(cells, panels, lambda own: side_by_side.chart(own, measure), gallery)


def _groups(cells: Sequence[Cell], gallery: Gallery) -> Iterator[Group]:
    caption = "Medians with 95 % intervals. Backward includes the forward pass. Hatched: unstable."
    if _several(cells):
        caption += " A bar is a multiple of the fastest backend's time, which stands below the name."
    yield Group("Backends side by side", caption, backends_side_by_side(cells, RUNS, gallery))
    if _several(cells):
        tiles = _each(cells, RUNS, lambda own: heat_map.chart(own, _ratio, heat_map.SLOWER), gallery)
        caption = "1.00 is the fastest backend; ~ marks a difference that is not certain, or an unstable cell."
        yield Group("Against the fastest backend", caption, tiles)
    with_native = _rows_with(cells, lambda cell: cell.native_ratio > 0)
    tiles = _each(with_native, RUNS, lambda own: heat_map.chart(own, _native, heat_map.SLOWER_OR_FASTER), gallery)
    caption = (
        "The layer's time over that of the same core in the framework's own functions; of image transforms and "
        "clustering, over that of another library's function on NumPy arrays."
    )
    yield Group("Against the framework's own code", caption, tiles)
    caption = (
        "The first call of a compiled step, with empty caches (cold) and with those of an earlier process (warm); and "
        "its phases, as far as a framework tells them apart: medians over launches, without an interval."
    )
    bars = backends_side_by_side(cells, COMPILES, gallery)
    yield Group("Time to compile", caption, bars + _each(cells, COMPILES, compile_phases.chart, gallery, " · phases"))
    with_memory = _rows_with(cells, lambda cell: cell.peak_memory_bytes > 0)
    bars = _each(with_memory, RUNS, lambda own: side_by_side.chart(own, side_by_side.MEMORY), gallery)
    yield Group("Peak memory", "The largest of all launches; it has no interval.", bars)


def _each(
    cells: Sequence[Cell],
    panels: Panels,
    figure: Callable[[list[Cell]], PlotlyFigure],
    gallery: Gallery,
    about: str = "",
) -> list[Chart]:
    """A chart for each metric and mode that has cells."""
    found: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in cells:
        found[cell.metric, cell.mode].append(cell)
    return [
        gallery.add(f"{metric.replace('_', ', ')} · {mode}{about}", figure(found[metric, mode]))
        for metric, mode in panels
        if (metric, mode) in found
    ]


def _rows_with(cells: Sequence[Cell], known: Callable[[Cell], bool]) -> list[Cell]:
    """The cells of the workloads and sizes of which one at least is known."""
    rows = {(cell.workload, cell.size) for cell in cells if known(cell)}
    return [cell for cell in cells if (cell.workload, cell.size) in rows]


def _several(cells: Iterable[Cell]) -> bool:
    return len(interactive.cell_backends(cells)) > 1


def _sweeps(points: Sequence[Cell], fits: dict[tuple, dict[str, Any]], gallery: Gallery) -> Iterator[Group]:
    by_sweep: dict[tuple, list[Cell]] = defaultdict(list)
    for point in points:
        if (point.metric, point.mode) in RUNS:
            by_sweep[key(point, (*comparison.SETTING, *SWEEP))].append(point)
    found = []
    for sweep in sorted(by_sweep, key=_sweep_order):
        workload, mode, metric, axis = sweep[-len(SWEEP) :]
        figure = growth.chart(by_sweep[sweep], fits.get(sweep, {}), axis)
        found.append(gallery.add(f"{workload} · {metric} · {mode}", figure))
    yield Group("Growth with size", growth.CAPTION, found)


def _sweep_order(sweep: tuple) -> tuple:
    workload, mode, metric, axis = sweep[-len(SWEEP) :]
    return workload, axis, RUNS.index((metric, mode))


def _roofline(cells: Sequence[Cell], ceiling: Any, gallery: Gallery) -> Iterator[Group]:
    shown = [c for c in cells if (c.metric, c.mode) in RUNS[:2] and roofline.has_intensity(c)]
    if shown and ceiling is not None:
        figure = roofline.chart(shown, ceiling.peak_flops, ceiling.peak_bytes)
        yield Group("How near to what the machine can do", roofline.CAPTION, [gallery.add("forward", figure)])


def _ratio(cell: Cell) -> float:
    return cell.ratio


def _native(cell: Cell) -> float:
    return cell.native_ratio
