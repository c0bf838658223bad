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

from bench import files
from bench.analysis import formats
from bench.analysis.figures import image_files, revision_ratios, style
from bench.analysis.figures.revision_ratios import CASE
from bench.analysis.pages import html_templates
from bench.analysis.statistics import version_verdicts
from bench.analysis.statistics.version_verdicts import WORST_FIRST, Verdict

COLUMNS = [
    *("backend", "device", "workload", "size", "dtype", "mode", "metric"),
    *("ratio", "ci_low", "ci_high", "p_value", "pairs", "verdict", "detectable", "reason"),
]
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
    return version_verdicts.exit_code((verdict.verdict, verdict.reason) for verdict in verdicts.values())


def write(run: Path, out: Path) -> None:
    """Write regressions.csv, its figures and regressions.html from all parts of a run."""
    parts = [json.loads(path.read_text()) for path in sorted(run.glob(f"*/{PART}"))]
    tables = [table(part) for part in parts]
    sections = []
    for part, found in zip(parts, tables, strict=True):
        with matplotlib.rc_context(style.RC):
            png = image_files.png(revision_ratios.image(found))
        files.replace(out / "figures" / f"regressions-{part['backend']}-{part['device']}.png", png)
        sections.append((part["told"], _headline(found), html_templates.inline(png), _rows(found)))
    files.replace(out / "regressions.csv", pd.concat(tables).to_csv(index=False).encode())
    document = html_templates.template("regressions.html.j2").render(
        run=run.name, sections=sections, headings=HEADINGS
    )
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
            formats.ratio(row.ratio),
            formats.interval(row.ci_low, row.ci_high),
            formats.MISSING if math.isnan(row.p_value) else f"{row.p_value:.2g}",
            str(row.pairs),
            formats.ratio(row.detectable),
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
