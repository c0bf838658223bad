"""Run folders of `bench.numerics` -> one table of verdicts, one row a result of a backend."""

import fnmatch
import itertools
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.tables import agreement_checks as checks
from bench.analysis.tables import agreement_rows, oracle_checks
from bench.analysis.tables.agreement_rows import AGREE as AGREE
from bench.analysis.tables.agreement_rows import ALL, DAMAGE, DISAGREE, EXCEPTED, LOST, MISSING
from bench.analysis.tables.numerics_files import Record, Run, Unreadable, same
from bench.analysis.tables.numerics_files import read as read
from bench.commandline import FOUND, INCOMPLETE, OK
from bench.numerics.run_folder import ORACLE

COLUMNS = (
    *("technique", "backend", "device", "dtype", "tensor"),
    *("max_abs_error", "rms_error", "max_ulp", "cosine", "tolerance", "verdict"),
    *("mode", "check", "error", "reason"),
)
PAIR_COLUMNS = ("technique", "dtype", "mode", "tensor", "first", "second", "max_ulp", "agree")


def judge(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the verdicts, and how far each two backends are apart (and each from the oracle)."""
    rows = list(agreement_rows.damage(run))
    pairs: list[dict[str, Any]] = []
    for technique, about in run.abouts.items():
        for dtype in run.settings.dtypes:
            there = {w: run.records[w, dtype, technique] for w in run.workers if (w, dtype, technique) in run.records}
            oracle = there.get(ORACLE) or Record(run.folder / ORACLE / dtype / f"{technique}.json")
            records = {b: record for b in run.backends if (record := run.record(b, dtype, technique)) is not None}
            found = [
                *(agreement_rows.not_computed(run, worker, dtype) for worker in run.workers if worker not in there),
                *agreement_rows.failures(records),
                *checks.lacks(records, oracle, about, dtype, run.settings.device),
                *oracle_checks.judge_oracle(oracle, there, about["phases"], dtype),
                *checks.values(records, oracle, dtype),
                *checks.repeats(records),
                *checks.hostile(records, about["finite"]),
                *checks.misshapen(records, oracle),
                *checks.draws(records),
            ]
            finished = [agreement_rows.finished(row, technique, dtype, run.settings.device, about) for row in found]
            rows += finished
            bad = {(row["backend"], row["mode"], row["tensor"]) for row in finished if row["verdict"] == DISAGREE}
            pairs += [
                {"technique": technique, "dtype": dtype, **pair}
                for pair in checks.distances(records, oracle, dtype, bad)
            ]
    return pd.DataFrame(rows, columns=list(COLUMNS)), pd.DataFrame(pairs, columns=list(PAIR_COLUMNS))


def changes(run: Run, earlier: Run) -> pd.DataFrame:
    """Compares the results of two runs: verdicts on how far those of `run` are from those of `earlier`."""
    rows = [*agreement_rows.damage(run), *agreement_rows.damage(earlier)]
    backends = [backend for backend in run.backends if backend in earlier.backends]
    dtypes = [dtype for dtype in run.settings.dtypes if dtype in earlier.settings.dtypes]
    techniques = [technique for technique in run.abouts if technique in earlier.abouts]
    if not backends or not dtypes or not techniques:
        raise Unreadable(f"{run.name} and {earlier.name} have no backend, technique and dtype in common")
    devices = " and ".join(dict.fromkeys((earlier.settings.device, run.settings.device)))
    for technique, dtype in itertools.product(techniques, dtypes):
        new, old = (of.cases.get((dtype, technique)) for of in (run, earlier))
        if new and old and not same(new, old):
            raise Unreadable(
                f"{run.name} and {earlier.name} drew other inputs or weights for {technique}; "
                f"compute one of them with --cases-of the other"
            )
        found = [*checks.changed(run, earlier, backends, dtype, technique)]
        rows += [agreement_rows.finished(row, technique, dtype, devices, run.abouts[technique]) for row in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def is_lost(frame: pd.DataFrame) -> pd.Series:
    """Which rows are of what could not be compared."""
    return frame["check"].isin(LOST)


def disagreements(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of what was compared, or failed, and does not agree."""
    return frame[(frame["verdict"] == DISAGREE) & ~is_lost(frame)]


def exit_code(frame: pd.DataFrame) -> int:
    """Returns that of `bench.commandline.EXIT_CODES`."""
    if len(disagreements(frame)):
        return FOUND
    return INCOMPLETE if frame.empty or is_lost(frame).any() else OK


def losses(frame: pd.DataFrame) -> list[str]:
    """One line for each file that is damaged or incomplete, and for what each process has not computed."""
    missing = frame[frame["check"] == MISSING]
    lines = list(frame[frame["check"] == DAMAGE]["reason"])
    for reason, rows in missing.groupby("reason", sort=False):
        named = [row.technique if row.tensor == ALL else f"{row.mode}/{row.tensor}" for row in rows.itertuples()]
        lines.append(f"{agreement_rows.some([*dict.fromkeys(named)])}: {reason}")
    return lines


def worst(frame: pd.DataFrame, count: int = 3) -> list[str]:
    """One line for each of the worst disagreements."""
    bad = disagreements(frame)
    badness = (bad["error"] / bad["tolerance"]).fillna(np.inf)
    return [
        f"{row.technique} on {row.backend} ({row.device}, {row.dtype}, {row.mode}): {row.tensor}: {row.reason}"
        for row in bad.loc[badness.sort_values(ascending=False, kind="stable").index[:count]].itertuples()
    ]


def unneeded(run: Run, frame: pd.DataFrame) -> list[str]:
    """The exceptions of the catalogue that no result of this run needed."""
    lines = []
    for technique, about in run.abouts.items() if not run.settings.layer else ():
        mine = frame[frame["technique"] == technique]
        paths = [f"{row.backend}/{row.dtype}/{row.mode}/{row.tensor}" for row in mine.itertuples()]
        for pattern in about["tolerances"]:
            matching = [fnmatch.fnmatchcase(path, pattern) for path in paths]
            needed = mine[matching]["reason"].str.startswith(EXCEPTED)
            if any(matching) and not needed.any():
                lines.append(f"{technique}: the exception {pattern!r} was not needed")
    return lines
