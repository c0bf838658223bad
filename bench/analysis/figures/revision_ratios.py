"""Head over base: the ratio and the interval of every cell, what needs a look on top."""

import math

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.analysis.figures import style
from bench.analysis.statistics.version_verdicts import SAME_WITHIN, WORST_FIRST

CASE = ["workload", "size", "dtype", "mode", "metric"]
COLOURS = {"slower": "#D55E00", "faster": "#0072B2", "same": "#777777", "undecided": "#BBBBBB"}
MARKERS = {"slower": ">", "faster": "<", "same": "o", "undecided": "x"}


def image(found: pd.DataFrame) -> Figure:
    drawn, axes = style.grid(1, 1, height=1.2 + 0.22 * max(1, len(found)))
    axis = axes[0, 0]
    names = found[CASE].itertuples(index=False, name=None)
    style.row_labels(axis, [style.label(" ".join(name), longest=60) for name in names])
    axis.axvspan(math.exp(-SAME_WITHIN), math.exp(SAME_WITHIN), color="#EEEEEE", zorder=0)
    axis.axvline(1, color="#777777", linewidth=0.8)
    for i, row in enumerate(found.itertuples()):
        look = {"color": COLOURS[row.verdict], "marker": MARKERS[row.verdict], "linestyle": "none"}
        axis.plot([row.ratio], [i], **look)
        axis.plot([row.ci_low, row.ci_high], [i, i], color=COLOURS[row.verdict], linewidth=1.4)
    known = found.dropna(subset=["ci_low", "ci_high"])
    axis.set_xlim(*_limits(known["ci_low"].min(), known["ci_high"].max()) if len(known) else (0.8, 1.25))
    axis.set_xlabel("time of head / time of base, with 95 % interval; grey band: within 3 %")
    style.legend(
        drawn,
        [Line2D([], [], color=COLOURS[v], marker=MARKERS[v], linestyle="none", label=v) for v in WORST_FIRST],
    )
    return drawn


def _limits(low: float, high: float) -> tuple[float, float]:
    """Room for all intervals, but for those so wide that they would squeeze everything else."""
    return max(0.5, min(0.9, low * 0.98)), min(2.0, max(1.1, high * 1.02))
