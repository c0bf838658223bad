"""Which figures a table can give, and what each of them says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from bench.analysis import compare, plot_curves, plot_maps, plots, schema, style
from bench.analysis.load import Loaded
from bench.analysis.plot_panels import COMPILE_PANELS, RUN_PANELS, in_panels


@dataclass(frozen=True)
class Drawing:
    """A figure, where it belongs and what it says. `family` is empty for those about all families."""

    name: str
    setting: str
    family: str
    title: str
    caption: str
    figure: Figure


def drawings(loaded: Loaded) -> Iterator[Drawing]:
    """Every figure that these cells can give, setting by setting and family by family."""
    rows = compare.techniques(compare.joined(loaded))
    several_machines = rows["machine"].nunique() > 1
    for key, of_setting in rows.groupby(compare.SETTING):
        setting = " · ".join(key if several_machines else key[1:])
        for family, of_family in of_setting.groupby("family"):
            for name, title, caption, figure in _of_family(of_family):
                yield Drawing(name, setting, family, title, caption, figure)
        ceiling = loaded.ceilings.set_index(compare.SETTING).reindex([key]).iloc[0]
        for name, title, caption, figure in _of_setting(of_setting, ceiling):
            yield Drawing(name, setting, "", title, caption, figure)


Part = tuple[str, str, str, Figure]


def _of_family(rows: pd.DataFrame) -> Iterator[Part]:
    typical = compare.typical_sizes(rows)
    cells = compare.measured(typical)
    runs, compiles = (
        in_panels(cells, RUN_PANELS),
        in_panels(cells, COMPILE_PANELS),
    )
    if len(runs):
        yield (
            "times",
            "Time of a call",
            "Median and 95 % interval, logarithmic: further left is faster. Backward includes the forward pass.",
            _draw(plots.times, typical, RUN_PANELS),
        )
    if runs["backend"].nunique() > 1:
        yield (
            "ratios",
            "Times the fastest backend's time",
            "1.00 is the fastest backend of that row and column group; ~ marks a difference that is not certain.",
            _draw(plot_maps.ratio_map, typical),
        )
    if runs["native_ratio"].notna().any():
        yield (
            "native",
            "Times the framework's own code",
            "The layer's time over that of the same core hand-written in that framework: above 1 is what Keras costs.",
            _draw(plot_maps.native_map, typical),
        )
    if len(compiles):
        yield (
            "compile",
            "Time to compile",
            "First call of a compiled step, with empty caches (cold) and with those of an earlier process (warm).",
            _draw(plots.times, typical, COMPILE_PANELS),
        )
    if len(in_panels(compare.sweep_points(rows), RUN_PANELS)):
        yield (
            "scaling",
            "Growth with size",
            f"Exponent of the power law through the filled marks, with its 95 % interval. Hollow marks lie below "
            f"{compare.ABOVE_FLOOR} times the shortest call of that backend, where fixed costs hide the growth.",
            _draw(plot_curves.scaling, rows),
        )


def _of_setting(rows: pd.DataFrame, ceiling: pd.Series) -> Iterator[Part]:
    cells = compare.measured(rows)
    if cells[list(schema.PHASES)].notna().any(axis=None) and len(in_panels(cells, COMPILE_PANELS)):
        yield (
            "phases",
            "What compiling spends its time on",
            "Means over the workloads that every backend compiled, as far as a framework can tell its phases apart.",
            _draw(plots.phases, compare.typical_sizes(rows)),
        )
    if ceiling.notna().all() and cells["roofline_fraction"].notna().any():
        yield (
            "roofline",
            "How near to what the machine can do",
            "Forward passes against the measured ceilings of this machine: bandwidth (slope) and arithmetic (flat).",
            _draw(plot_curves.roofline, rows, ceiling),
        )


def _draw(plot: Callable[..., Figure], *arguments: object) -> Figure:
    with matplotlib.rc_context(style.RC):
        return plot(*arguments)
