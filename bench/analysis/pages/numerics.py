"""The table and the page of a comparison of backends."""

import itertools
import math
from pathlib import Path
from typing import Any

import pandas as pd

from bench import files
from bench.analysis import formats
from bench.analysis.pages import html_templates
from bench.analysis.tables import agreement

REFERENCE = "float64"
# Upper ends of the colours, in units in the last place; what disagrees has a colour of its own.
SHADES = (0.5, 2, 8, 32, 128)
LEGEND = [*(f"up to {shade:g}" for shade in SHADES), "more"]


def write(run: agreement.Run, verdicts: pd.DataFrame, pairs: pd.DataFrame, out: Path) -> list[Path]:
    """Writes numerics.csv and numerics.html below `out`; returns what was written."""
    contents = {
        "numerics.csv": verdicts.to_csv(index=False).encode(),
        "numerics.html": render(run, verdicts, pairs).encode(),
    }
    return _write(contents, out)


def write_changes(verdicts: pd.DataFrame, out: Path) -> list[Path]:
    """Writes numerics-changes.csv below `out`; returns what was written."""
    return _write({"numerics-changes.csv": verdicts.to_csv(index=False).encode()}, out)


def render(run: agreement.Run, verdicts: pd.DataFrame, pairs: pd.DataFrame) -> str:
    """The page as one self-contained document."""
    excepted = verdicts[
        verdicts["reason"].str.startswith(agreement.EXCEPTED) & (verdicts["verdict"] == agreement.AGREE)
    ]
    return html_templates.template("numerics.html.j2").render(
        run=run,
        facts=[_facts(worker, facts) for worker, facts in run.facts.items()],
        columns=_columns(run),
        matrices={dtype: matrix(run, pairs[pairs["dtype"] == dtype]) for dtype in run.settings.dtypes},
        told=formats.count(len(agreement.disagreements(verdicts)), "disagreement"),
        disagreements=_lines(agreement.disagreements(verdicts)),
        lost=formats.count(int(agreement.is_lost(verdicts).sum()), "result"),
        losses=agreement.losses(verdicts),
        exceptions=_lines(excepted),
        counts=[
            {"check": check, "results": len(rows), "disagree": len(agreement.disagreements(rows))}
            for check, rows in verdicts[~agreement.is_lost(verdicts)].groupby("check", sort=False)
        ],
        unneeded=agreement.unneeded(run, verdicts),
        shades=LEGEND,
    )


def matrix(run: agreement.Run, pairs: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """One row of cells a technique; a cell is the worst result of two backends, and opens all of them."""
    rows = {}
    for technique in run.abouts:
        mine = pairs[pairs["technique"] == technique]
        rows[technique] = [
            _cell(mine[(mine["first"] == first) & (mine["second"] == second)]) for first, second in _columns(run)
        ]
    return rows


def shade(ulp: float) -> int:
    """The number of a colour."""
    return next((i for i, end in enumerate(SHADES) if ulp <= end), len(SHADES))


def _columns(run: agreement.Run) -> list[tuple[str, str]]:
    return list(itertools.combinations([REFERENCE, *run.backends], 2))


def _cell(rows: pd.DataFrame) -> dict[str, Any]:
    if rows.empty:
        return {"text": formats.MISSING, "style": "none", "details": []}
    worst = rows.sort_values("max_ulp", ascending=False, kind="stable")
    largest = float(worst.iloc[0]["max_ulp"])
    details = [(row.mode, row.tensor, _ulp(row.max_ulp), row.agree) for row in worst.itertuples()]
    return {
        "text": _ulp(largest),
        "style": f"shade-{shade(largest)}" if rows["agree"].all() else "disagree",
        "details": details,
    }


def _ulp(value: Any) -> str:
    return formats.digits(value) if math.isfinite(value) else "not finite"


def _facts(worker: str, facts: dict[str, Any]) -> dict[str, Any]:
    shown = ("backend_version", "keras_version", "device_name", "machine", "surroundings", "commit")
    precision = {name: value for name, value in facts.items() if "precision" in name or name == "tf32"}
    settings = ", ".join(f"{name} {value}" for name, value in precision.items())
    return {"process": worker, **{name: facts.get(name) for name in shown}, "precision, read back": settings}


def _lines(rows: pd.DataFrame) -> list[dict[Any, Any]]:
    shown = ("technique", "backend", "device", "dtype", "mode", "check", "tensor", "reason")
    return rows[list(shown)].to_dict("records")


def _write(contents: dict[str, bytes], out: Path) -> list[Path]:
    for name, content in contents.items():
        files.replace(out / name, content)
    return [out / name for name in contents]
