"""Tables -> figures, without reading or writing a file. A cell without a result is drawn as missing, never as zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from bench.analysis import compare, schema, style

COMPARED_MODES = ("jit", "eager")
ROW_KEY = ["workload", "size"]


@dataclass(frozen=True)
class Panel:
    """The cells of one metric in one mode: a column of a figure."""

    metric: str
    mode: str

    @property
    def title(self) -> str:
        return f"{self.metric.replace('_', ', ')} · {self.mode}"

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows[(rows["metric"] == self.metric) & (rows["mode"] == self.mode)]


RUN_PANELS = tuple(Panel(metric, mode) for metric, mode in product(schema.RUN_METRICS, COMPARED_MODES))
COMPILE_PANELS = tuple(Panel(metric, "jit") for metric in schema.COMPILE_METRICS)


def times(rows: pd.DataFrame, panels: Sequence[Panel]) -> Figure:
    """Backends side by side: a row a workload and size, the median and its 95 % interval."""
    rows = in_panels(rows, panels)
    panels = [panel for panel in panels if len(panel.of(rows))]
    cells, names = compare.measured(rows), _row_names(rows)
    backends = style.backends_in(rows)
    unit, factor = style.time_unit(cells["median_s"])
    figure, axes = style.grid(1, len(panels), 1.3 + 0.34 * len(names), sharex=True, sharey=True)
    for axis, panel in zip(axes[0], panels, strict=True):
        style.row_labels(axis, list(names.values()))
        for backend, lane in zip(backends, style.lanes(len(backends)), strict=True):
            of_backend = panel.of(cells[cells["backend"] == backend])
            _intervals(axis, of_backend.set_index(ROW_KEY).reindex(list(names)), backend, lane, factor)
        axis.set(title=panel.title, xlabel=f"time ({unit})")
        axis.grid(axis="x")
    limits = style.log_limits(*(cells[name] * factor for name in ("median_s", "ci_low_s", "ci_high_s")))
    style.log_axis(axes[0, 0].xaxis, limits, most_ticks=5)
    style.legend(figure, [*style.backend_handles(backends), style.missing_handle()])
    return figure


def _intervals(axis: Axes, cells: pd.DataFrame, backend: str, lane: float, factor: float) -> None:
    cells = cells.assign(height=np.arange(len(cells)) + lane)
    missing, found = cells["median_s"].isna(), cells.dropna(subset=["median_s"])
    middle = found["median_s"]
    reach = np.array([middle - found["ci_low_s"], found["ci_high_s"] - middle])
    look = {"color": style.COLOURS[backend], "linestyle": "none"}
    spread = np.nan_to_num(reach) * factor
    axis.errorbar(middle * factor, found["height"], xerr=spread, marker=style.MARKERS[backend], elinewidth=1.2, **look)
    at_edge = axis.get_yaxis_transform()
    axis.plot(0.03 * missing[missing], cells["height"][missing], marker="x", markersize=4, transform=at_edge, **look)


def ratio_map(rows: pd.DataFrame) -> Figure:
    """Every cell's time over that of the fastest backend of its case."""
    compared = compare.ratios(rows)
    text = compared["ratio"].map(_short) + np.where(compared["verdict"] == "undecided", "~", "")
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
    names, backends = _row_names(rows), style.backends_in(rows)
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


def phases(rows: pd.DataFrame) -> Figure:
    """Where compiling spends its time: means over the workloads that every backend compiled."""
    rows = in_panels(rows, COMPILE_PANELS)
    panels = [panel for panel in COMPILE_PANELS if len(panel.of(rows))]
    means = {panel: _mean_phases(panel.of(rows)) for panel in panels}
    bars = sorted(
        {bar for mean in means.values() for bar in mean.index}, key=lambda b: (b[0], schema.BACKENDS.index(b[1]))
    )
    figure, axes = style.grid(1, len(panels), 1.2 + 0.27 * len(bars), sharey=True)
    for axis, panel in zip(axes[0], panels, strict=True):
        style.row_labels(axis, [style.label(family, style.SHORT_NAMES[backend]) for family, backend in bars])
        mean = means[panel].reindex(bars)
        left = np.zeros(len(bars))
        for phase, (_, colour) in style.PHASES.items():
            axis.barh(range(len(bars)), mean[phase], left=left, height=0.7, color=colour)
            left = left + mean[phase].fillna(0).to_numpy()
        axis.set(title=panel.title, xlabel="mean time (s)")
        axis.grid(axis="x")
    style.legend(figure, [Patch(color=colour, label=name) for name, colour in style.PHASES.values()])
    return figure


def _mean_phases(rows: pd.DataFrame) -> pd.DataFrame:
    cells = compare.measured(rows)
    complete = cells.groupby(["family", *ROW_KEY])["backend"].transform("nunique") == cells["backend"].nunique()
    known = cells[list(schema.PHASES)].sum(axis=1)
    cells = cells.assign(rest_s=(cells["median_s"] - known).clip(lower=0))
    return (
        cells[complete]
        .fillna(dict.fromkeys(schema.PHASES, 0.0))
        .groupby(["family", "backend"])[list(style.PHASES)]
        .mean()
    )


def scaling(rows: pd.DataFrame) -> Figure:
    """Sweeps on logarithmic axes, each with its fitted exponent; hollow marks took no part in the fit."""
    points, fits = compare.sweep_points(rows), compare.scaling(rows)
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
    labels = [_exponent(fits[fits["backend"] == handle.get_label()].iloc[0]) for handle in handles]
    if handles:
        axis.legend(handles, labels, loc="upper left", fontsize=7.5, frameon=False, handlelength=1.2)
    low, high = style.log_limits(points["median_s"] * factor, [], [])
    style.log_axis(axis.xaxis, style.log_limits(points["number"], [], []), most_ticks=7)
    style.log_axis(axis.yaxis, (low, high * (high / low) ** (0.13 * len(handles))))
    axis.grid()


def _exponent(fit: pd.Series) -> str:
    return f"{fit['exponent']:.2f} [{fit['exponent_low']:.2f}, {fit['exponent_high']:.2f}]"


def roofline(rows: pd.DataFrame, ceiling: pd.Series) -> Figure:
    """Work per second over work per byte, under what the machine was measured to do; a panel a family."""
    cells = compare.measured(rows)
    cells = cells[(cells["metric"] == "forward") & cells["mode"].isin(COMPARED_MODES)]
    cells = cells.assign(intensity=cells["flops"] / cells["bytes"]).dropna(subset=["intensity", "flops_per_s"])
    cells = cells[(cells["intensity"] > 0)]
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


def _roof(axis: Axes, limits: tuple[float, float], ceiling: pd.Series) -> None:
    intensity = np.geomspace(*limits, 200)
    rate = np.fmin(ceiling["peak_flops"], intensity * ceiling["peak_bytes"])
    axis.plot(intensity, rate / 1e9, color="black", linewidth=1.2, zorder=1)
    style.log_axis(axis.xaxis, limits)


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"


def in_panels(rows: pd.DataFrame, panels: Sequence[Panel]) -> pd.DataFrame:
    """The rows that one of the panels shows."""
    wanted = pd.MultiIndex.from_frame(rows[["metric", "mode"]]).isin([(panel.metric, panel.mode) for panel in panels])
    return rows[wanted]


def _row_names(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    keys = rows[ROW_KEY].drop_duplicates().itertuples(index=False, name=None)
    return {key: style.label(*key) for key in keys}
