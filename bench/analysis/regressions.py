"""What a comparison found, as a table, a figure and a page. Each backend adds its part to the same run."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench import files
from bench.analysis import markup, pictures, regression, style, text
from bench.analysis.regression import SAME_WITHIN, WORST_FIRST, Verdict

COLUMNS = [
    *("backend", "device", "workload", "size", "dtype", "mode", "metric"),
    *("ratio", "ci_low", "ci_high", "p_value", "pairs", "verdict", "detectable", "reason"),
]
CASE = ["workload", "size", "dtype", "mode", "metric"]
COLOURS = {"slower": "#D55E00", "faster": "#0072B2", "same": "#777777", "undecided": "#BBBBBB"}
MARKERS = {"slower": ">", "faster": "<", "same": "o", "undecided": "x"}
PART = "verdicts.json"


@dataclass(frozen=True)
class Told:
    """What the reader of the verdicts must know beside them."""

    title: str
    command: str
    minutes: float
    notes: list[str]
    facts: Mapping[str, Any]


def conclude(verdicts: Mapping[str, Verdict], told: Told, backend: str, device: str, folder: Path) -> int:
    """Keep the verdicts below `folder`, write the report of its run, print a table; return the exit code."""
    part = {"backend": backend, "device": device, "told": asdict(told)}
    part |= {"verdicts": {case: asdict(verdict) for case, verdict in verdicts.items()}}
    files.replace(folder / PART, json.dumps(part, default=str).encode())
    out = folder.parents[2] / "report"
    write(folder.parent, out)
    found = table(part)
    print(as_text(found, told))
    print(f"open {out / 'regressions.html'}", flush=True)
    return regression.exit_code((verdict.verdict, verdict.reason) for verdict in verdicts.values())


def write(run: Path, out: Path) -> None:
    """Write regressions.csv, its figures and regressions.html from all parts of a run."""
    parts = [json.loads(path.read_text()) for path in sorted(run.glob(f"*/{PART}"))]
    tables = [table(part) for part in parts]
    sections = []
    for part, found in zip(parts, tables, strict=True):
        with matplotlib.rc_context(style.RC):
            png = pictures.png(figure(found))
        files.replace(out / "figures" / f"regressions-{part['backend']}-{part['device']}.png", png)
        sections.append((part["told"], _headline(found), markup.inline(png), _rows(found)))
    files.replace(out / "regressions.csv", pd.concat(tables).to_csv(index=False).encode())
    document = markup.template("regressions.html.j2").render(run=run.name, sections=sections, headings=HEADINGS)
    files.replace(out / "regressions.html", document.encode())


def table(part: Mapping[str, Any]) -> pd.DataFrame:
    """One row a cell with `COLUMNS`, what needs a look first."""
    rows = [
        {"backend": part["backend"], "device": part["device"]}
        | dict(zip(CASE, case.split("/"), strict=True))
        | verdict
        for case, verdict in part["verdicts"].items()
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = frame["verdict"].map(WORST_FIRST.index)
    effect = -np.abs(np.log(frame["ratio"].astype(float)))
    return frame.assign(order=order, effect=effect).sort_values(["order", "effect"], ignore_index=True)[COLUMNS]


HEADINGS = ("cell", "verdict", "head / base", "95 % interval", "p", "pairs", "detectable from")


def _rows(found: pd.DataFrame) -> list[list[str]]:
    return [
        [
            " ".join(getattr(row, name) for name in CASE),
            f"{row.verdict}: {row.reason}" if row.reason else row.verdict,
            text.ratio(row.ratio),
            text.interval(row.ci_low, row.ci_high),
            text.MISSING if math.isnan(row.p_value) else f"{row.p_value:.2g}",
            str(row.pairs),
            text.ratio(row.detectable),
        ]
        for row in found.itertuples()
    ]


def _headline(found: pd.DataFrame) -> str:
    counts = Counter(found["verdict"])
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in WORST_FIRST if counts[verdict]) or "no cells"


def as_text(found: pd.DataFrame, told: Told) -> str:
    rows = [list(HEADINGS), *_rows(found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADINGS))]
    lines = ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    took = f"measured in {told.minutes:.1f} min"
    return "\n".join(["", told.title, *lines, *told.notes, took, _headline(found)])


def figure(found: pd.DataFrame) -> Figure:
    """Ratio and interval of every cell, what needs a look on top."""
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
        [
            matplotlib.lines.Line2D([], [], color=COLOURS[v], marker=MARKERS[v], linestyle="none", label=v)
            for v in WORST_FIRST
        ],
    )
    return drawn


def _limits(low: float, high: float) -> tuple[float, float]:
    """Room for all intervals, but for those so wide that they would squeeze everything else."""
    return max(0.5, min(0.9, low * 0.98)), min(2.0, max(1.1, high * 1.02))
