"""Which figures a table can give, and what each of them says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from bench.analysis.figures import compile_phases, growth, heat_map, roofline, side_by_side, style
from bench.analysis.figures.panels import COMPILE_PANELS, RUN_PANELS, in_panels
from bench.analysis.tables import comparison, schema
from bench.analysis.tables.load import Loaded


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
    rows = comparison.techniques(comparison.joined(loaded))
    several_machines = rows["machine"].nunique() > 1
    for key, of_setting in rows.groupby(comparison.SETTING):
        setting = " · ".join(key if several_machines else key[1:])
        for family, of_family in of_setting.groupby("family"):
            for name, title, caption, figure in _of_family(of_family):
                yield Drawing(name, setting, family, title, caption, figure)
        ceiling = loaded.ceilings.set_index(comparison.SETTING).reindex([key]).iloc[0]
        for name, title, caption, figure in _of_setting(of_setting, ceiling):
            yield Drawing(name, setting, "", title, caption, figure)


Part = tuple[str, str, str, Figure]


def _of_family(rows: pd.DataFrame) -> Iterator[Part]:
    typical = comparison.typical_sizes(rows)
    cells = comparison.measured(typical)
    runs, compiles = (
        in_panels(cells, RUN_PANELS),
        in_panels(cells, COMPILE_PANELS),
    )
    if len(runs):
        yield (
            "times",
            "Time of a call",
            "Median and 95 % interval, logarithmic: further left is faster. Backward includes the forward pass.",
            _draw(side_by_side.image, typical, RUN_PANELS),
        )
    if runs["backend"].nunique() > 1:
        yield (
            "ratios",
            "Times the fastest backend's time",
            "1.00 is the fastest backend of that row and column group; ~ marks a difference that is not certain.",
            _draw(heat_map.ratio_image, typical),
        )
    if runs["native_ratio"].notna().any():
        yield (
            "native",
            "Times the framework's own code",
            "The layer's time over that of the same core hand-written in that framework: above 1 is what Keras costs. "
            "Image transforms and clustering: over that of another library's function on NumPy arrays.",
            _draw(heat_map.native_image, typical),
        )
    if len(compiles):
        yield (
            "compile",
            "Time to compile",
            "First call of a compiled step, with empty caches (cold) and with those of an earlier process (warm).",
            _draw(side_by_side.image, typical, COMPILE_PANELS),
        )
    if len(in_panels(comparison.sweep_points(rows), RUN_PANELS)):
        yield (
            "scaling",
            "Growth with size",
            growth.CAPTION,
            _draw(growth.image, rows),
        )


def _of_setting(rows: pd.DataFrame, ceiling: pd.Series) -> Iterator[Part]:
    cells = comparison.measured(rows)
    if cells[list(schema.PHASES)].notna().any(axis=None) and len(in_panels(cells, COMPILE_PANELS)):
        yield (
            "phases",
            "What compiling spends its time on",
            "Means over the workloads that every backend compiled, as far as a framework can tell its phases apart.",
            _draw(compile_phases.image, comparison.typical_sizes(rows)),
        )
    if ceiling.notna().all() and len(roofline.with_intensity(rows)):
        yield (
            "roofline",
            "How near to what the machine can do",
            roofline.CAPTION,
            _draw(roofline.image, rows, ceiling),
        )


def _draw(plot: Callable[..., Figure], *arguments: object) -> Figure:
    with matplotlib.rc_context(style.RC):
        return plot(*arguments)
