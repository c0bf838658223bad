"""Tables -> heat maps: a row a workload, a column a backend."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.analysis import compare, style
from bench.analysis.plot_panels import ROW_KEY, RUN_PANELS, in_panels, row_names


def ratio_map(rows: pd.DataFrame) -> Figure:
    """Every cell's time over that of the fastest backend of its case; `rows` have what `compare.joined` adds."""
    compared = compare.measured(rows)
    text = compared["ratio"].map(_short) + np.where(compared["verdict"].isin(compare.UNCERTAIN), "~", "")
    norm = LogNorm(1, max(2.0, min(10.0, compared["ratio"].max())), clip=True)
    return _heat_map(in_panels(rows, RUN_PANELS), compared.assign(value=compared["ratio"], text=text), "YlOrBr", norm)


def native_map(rows: pd.DataFrame) -> Figure:
    """Every cell's time over that of the same core in the framework's own functions."""
    cells = compare.measured(rows)
    logs = np.log2(cells["native_ratio"])
    norm = CenteredNorm(0, halfrange=max(1.0, min(3.0, logs.abs().max())), clip=True)
    cells = cells.assign(value=logs, text=cells["native_ratio"].map(_short))[logs.notna()]
    rows = rows[rows["workload"].isin(cells["workload"])]
    return _heat_map(in_panels(rows, RUN_PANELS), cells, "PuOr_r", norm)


def _heat_map(rows: pd.DataFrame, cells: pd.DataFrame, colours: str, norm: Normalize) -> Figure:
    """`cells` have a `value` to colour and a `text` to print; what `rows` have beyond them is drawn as missing."""
    panels = [panel for panel in RUN_PANELS if len(panel.of(rows))]
    names, backends = row_names(rows), style.backends_in(rows)
    figure, axes = style.grid(1, len(panels), 1.1 + 0.29 * len(names), sharey=True)
    for axis, panel in zip(axes[0], panels, strict=True):
        shown = panel.of(cells)
        table, texts = (
            shown.pivot(index=ROW_KEY, columns="backend", values=name).reindex(index=list(names), columns=backends)
            for name in ("value", "text")
        )
        _tiles(axis, table.to_numpy(dtype=float), texts.to_numpy(), colours, norm)
        axis.set_xticks(range(len(backends)), [style.SHORT_NAMES[backend] for backend in backends])
        axis.set_yticks(range(len(names)), list(names.values()))
        axis.set(title=panel.title, ylim=(len(names) - 0.5, -0.5))
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    style.legend(figure, [style.missing_patch()])
    return figure


def _tiles(axis: Axes, values: np.ndarray, texts: np.ndarray, colours: str, norm: Normalize) -> None:
    rows, columns = (np.arange(count + 1) - 0.5 for count in values.shape)
    mesh = axis.pcolormesh(columns, rows, values, cmap=colours, norm=norm, edgecolors="white", linewidth=1.5)
    for row, column in np.ndindex(values.shape):
        if np.isnan(values[row, column]):
            corner = column - 0.5, row - 0.5
            axis.add_patch(
                Rectangle(corner, 1, 1, facecolor=style.PALE, edgecolor="#BBBBBB", hatch="////", linewidth=0)
            )
            continue
        red, green, blue, _ = mesh.cmap(norm(values[row, column]))
        ink = "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "black"
        axis.text(column, row, texts[row, column], ha="center", va="center", color=ink, fontsize=8)


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"
