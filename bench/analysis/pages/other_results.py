"""What other commands left beside the report: the numerics and the newest comparison of two revisions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis import formats
from bench.analysis.pages import numerics, regressions
from bench.analysis.statistics import version_verdicts
from bench.analysis.tables import agreement, schema

NUMERICS = ("technique", "backend", "device", "dtype", "max_ulp", "verdict", "check", "reason")
MEASURED = ("max_ulp", "ratio", "ci_low", "ci_high", "p_value", "pairs", "detectable")
WORKER = ["backend", "device", "dtype"]


@dataclass(frozen=True, eq=False)
class Companions:
    """The tables that were found, empty where there were none, and what could not be read."""

    numerics: pd.DataFrame
    regressions: pd.DataFrame
    problems: list[str]


def read(folder: Path) -> Companions:
    problems: list[str] = []
    checked = _read(folder / "numerics.csv", NUMERICS, problems)
    compared = _read(folder / "regressions.csv", tuple(regressions.COLUMNS), problems)
    return Companions(checked, compared, problems)


def _read(path: Path, columns: tuple[str, ...], problems: list[str]) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=list(columns))
    words = {name: str for name in columns if name not in MEASURED}
    try:
        return pd.read_csv(path, usecols=list(columns), dtype=words).fillna(dict.fromkeys(words, ""))
    except (OSError, ValueError) as error:
        problems.append(f"{path}: {str(error).splitlines()[0]:.120}. Left out: delete it, or make it again")
        return pd.DataFrame(columns=list(columns))


def matrix(checked: pd.DataFrame) -> tuple[list[str], dict[str, list[dict[str, Any]]]]:
    """The headings and a row of cells a technique: its worst result for each backend, device and dtype."""
    checked = checked[checked["device"].isin(schema.DEVICES)]
    if checked.empty:
        return [], {}
    workers = list(dict.fromkeys(checked[WORKER].itertuples(index=False, name=None)))
    lost = agreement.is_lost(checked)
    disagrees = (checked["verdict"] == agreement.DISAGREE) & ~lost
    found = checked.assign(disagrees=disagrees, lost=lost).groupby(["technique", *WORKER])
    worst = found.agg({"max_ulp": "max", "disagrees": "sum", "lost": "sum", "verdict": "size"})
    known = {key: _tile(*values) for key, *values in zip(worst.index, *map(worst.get, worst.columns), strict=True)}
    nothing = {"text": formats.MISSING, "style": "none", "told": "not computed"}
    rows = {
        technique: [known.get((technique, *worker), nothing) for worker in workers]
        for technique in sorted(checked["technique"].unique())
    }
    return [" · ".join(worker) for worker in workers], rows


def _tile(ulp: float, disagreements: int, lost: int, results: int) -> dict[str, Any]:
    shown, shade = (formats.MISSING, "none") if pd.isna(ulp) else (formats.digits(ulp), f"shade-{numerics.shade(ulp)}")
    told = f"{disagreements} of {formats.count(results - lost, 'result')} disagree" if disagreements else "agrees"
    told = f"{told}, {formats.count(lost, 'result')} missing" if lost else told
    return {"text": shown, "style": "disagree" if disagreements else shade, "told": told}


def changes(compared: pd.DataFrame) -> list[str]:
    """A line a confirmed difference, and the number of each verdict."""
    counts = compared["verdict"].value_counts()
    lines = [", ".join(f"{counts[word]} {word}" for word in version_verdicts.WORST_FIRST if word in counts)]
    return lines + [_change(row) for row in compared.itertuples() if row.verdict in ("slower", "faster")]


def _change(row: Any) -> str:
    names = (row.workload, row.size, row.dtype, row.mode, row.metric, row.backend, row.device)
    interval = formats.interval(row.ci_low, row.ci_high)
    return f"{' '.join(names)}: {row.verdict}, {formats.ratio(row.ratio)} {interval}, {row.pairs} pairs of launches"
