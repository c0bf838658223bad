"""The one look of all figures: colours, markers, labels, axes and legends."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from bench.analysis import formats
from bench.analysis.tables import schema

# Okabe and Ito's palette, which colour-blind readers can tell apart; the markers repeat it where there is no colour.
COLOURS = {"tensorflow": "#E69F00", "jax": "#0072B2", "torch": "#009E73"}
MARKERS = {"tensorflow": "o", "jax": "s", "torch": "^"}
SHORT_NAMES = {"tensorflow": "TF", "jax": "JAX", "torch": "torch"}
PHASES = {
    "trace_s": ("trace", "#56B4E9"),
    "lower_s": ("lower", "#CC79A7"),
    "compile_s": ("compile", "#D55E00"),
    "first_run_s": ("first run", "#F0E442"),
    "rest_s": ("not told apart", "#BBBBBB"),
}
GREY = "#777777"
PALE = "#F3F3F3"
MISSING = {"facecolor": PALE, "edgecolor": "#BBBBBB", "hatch": "////", "linewidth": 0}
RC = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "hatch.color": "#BBBBBB",
    "hatch.linewidth": 0.5,
    "lines.markersize": 5,
    "svg.hashsalt": "dl_techniques",
}

WIDTH = 11.0
LONGEST_LABEL = 36
SMALLEST_SPAN = 6.0


def label(*parts: str, longest: int = LONGEST_LABEL) -> str:
    """Short enough for an axis, in letters that the font has, and never read as a formula."""
    known = [
        "".join(letter if letter.isprintable() and letter < "\u0250" else "?" for letter in part) for part in parts
    ]
    return formats.join(*known, longest=longest).replace("$", r"\$")


def grid(rows: int, columns: int, height: float, width: float = WIDTH, **shared: bool) -> tuple[Figure, np.ndarray]:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.06, w_pad=0.06)
    return figure, figure.subplots(rows, columns, squeeze=False, **shared)


def backends_in(rows: pd.DataFrame) -> list[str]:
    present = set(rows["backend"])
    return [backend for backend in schema.BACKENDS if backend in present]


def lanes(count: int) -> np.ndarray:
    """Offsets that keep `count` marks apart inside a row of height 1."""
    return (np.arange(count) - (count - 1) / 2) * min(0.26, 0.8 / count)


def row_labels(axis: Axes, names: Sequence[str]) -> None:
    """One row a name, the first on top, every second one shaded."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    for row in range(0, len(names), 2):
        axis.axhspan(row - 0.5, row + 0.5, color=PALE, zorder=0, linewidth=0)


def log_limits(middles: Iterable[float], lows: Iterable[float], highs: Iterable[float]) -> tuple[float, float]:
    """Room for all intervals, except those so wide that they would squeeze everything else."""
    middle = np.asarray(list(middles))
    low = max(np.nanmin([*lows, *middle]), np.nanmin(middle) / 10) / 1.6
    high = min(np.nanmax([*highs, *middle]), np.nanmax(middle) * 10) * 1.6
    spare = max(1.0, math.sqrt(SMALLEST_SPAN / (high / low)))
    return low / spare, high * spare


def log_axis(axis: Axis, limits: tuple[float, float], most_ticks: int = 6) -> None:
    """A logarithmic axis with plain numbers, also when it spans less than a decade."""
    decades = math.log10(limits[1] / limits[0])
    subs = (1, 2, 5) if decades < 1.7 else (1, 3) if decades < 2.6 else (1,)
    axis.axes.set(**{f"{axis.axis_name}lim": limits})
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(ticker.LogLocator(subs=subs, numticks=most_ticks))
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def time_unit(seconds: pd.Series) -> tuple[str, float]:
    return ("ms", 1e3) if seconds.median() < 0.1 else ("s", 1.0)


def backend_handles(backends: Sequence[str], **changes: object) -> list[Line2D]:
    look = {"linestyle": "none"} | changes
    return [Line2D([], [], color=COLOURS[b], marker=MARKERS[b], label=b, **look) for b in backends]


def missing_handle() -> Line2D:
    return Line2D([], [], color=GREY, marker="x", linestyle="none", label="no result")


def missing_patch() -> Patch:
    return Patch(**MISSING, label="no result")


def legend(figure: Figure, handles: Sequence[Line2D | Patch]) -> None:
    figure.legend(handles=list(handles), loc="outside upper left", ncols=len(handles), frameon=False)
