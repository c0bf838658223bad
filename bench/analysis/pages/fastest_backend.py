"""Which backend is fastest, by how much, and how sure that is: the first screen of the page, as plain values."""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from bench.analysis import formats
from bench.analysis.tables import comparison, schema
from bench.analysis.tables.cells import ENOUGH_LAUNCHES

QUESTIONS = {
    **{(metric, mode): f"{metric}, {mode}" for mode, metric in product(("jit", "eager"), schema.RUN_METRICS)},
    **{(metric, "jit"): metric.replace("compile_", "compiling, ") for metric in schema.COMPILE_METRICS},
}
"""By metric and mode, in the order of the columns."""


@dataclass(frozen=True)
class Answer:
    """Which backend is fastest for one family, metric and mode, by how much, and how sure that is.

    `times` holds, fastest first, each backend's time as a multiple of the fastest one's, and its interval.
    """

    verdict: str
    times: list[tuple[str, str, str]]
    basis: str

    @property
    def headline(self) -> str:
        leader = self.times[0][0]
        told = {"fastest": leader, "alone": f"only {leader}", "apart": "not measured in turns"}
        return told.get(self.verdict, "undecided")

    @property
    def details(self) -> list[tuple[str, str, str]]:
        """The times that the headline does not already tell."""
        return self.times if self.verdict in comparison.UNCERTAIN else self.times[1:]


@dataclass(frozen=True)
class Block:
    """The answers for what may be compared: one machine, device and dtype. `rows` holds one list a family."""

    title: str
    questions: list[str]
    rows: dict[str, list[Answer | None]]
    caution: str


def blocks(ranking: pd.DataFrame) -> list[Block]:
    """The answers of a ranking (`comparison.ranking`) of several backends; `single_backend` has the rest."""
    found = []
    for key, ranked in ranking.groupby(comparison.SETTING):
        if ranked["backend"].nunique() == 1:
            continue
        answers = {name: _answer(rows) for name, rows in ranked.groupby(["family", "metric", "mode"], sort=False)}
        asked = [question for question in QUESTIONS if any(name[1:] == question for name in answers)]
        rows = {
            family: [answers.get((family, *question)) for question in asked] for family in ranked["family"].unique()
        }
        found.append(Block(" · ".join(key), [QUESTIONS[question] for question in asked], rows, _caution(ranked)))
    return found


def sureness(frame: pd.DataFrame, ranking: pd.DataFrame) -> list[str]:
    """How far the numbers can be trusted, in sentences."""
    if frame.empty:
        return ["There is no cell."]
    counts = frame["status"].value_counts()
    told = [
        f"{formats.count(len(frame), 'cell')}: {', '.join(f'{counts[status]} {status}' for status in counts.index)}."
    ]
    runs = frame[frame["status"].isin(schema.MEASURED) & frame["metric"].isin(schema.RUN_METRICS)]
    if len(runs):
        low, high = runs["launches"].min(), runs["launches"].max()
        launches = formats.count(low, "launch") if low == high else f"{low} to {formats.count(high, 'launch')}"
        told.append(f"Behind each time of a call stand the medians of {launches}.")
    reach = (np.sqrt(runs["ci_high_s"] / runs["ci_low_s"]) - 1).dropna()
    if len(reach):
        half, most = reach.quantile([0.5, 0.9])
        told.append(
            f"Half of the 95 % intervals reach at most {_reach(half)} around the median, nine in ten {_reach(most)}."
        )
    several = ranking[ranking["verdict"] != "alone"].drop_duplicates(comparison.GROUP)
    if len(several):
        decided = ranking[ranking["verdict"] == "fastest"]
        told.append(f"{len(decided)} of {formats.count(len(several), 'question')} below have a certain answer.")
    return told


def _reach(share: float) -> str:
    return f"±{share:.1%}" if share < 1 else f"a factor of {1 + share:.3g}"


def _answer(ranked: pd.DataFrame) -> Answer:
    leader, others = ranked.iloc[0], ranked.iloc[1:]
    times = [(leader["backend"], "1", "")]
    times += [
        (row.backend, formats.ratio(row.ratio), formats.interval(row.ratio_low, row.ratio_high))
        for row in others.itertuples()
    ]
    workloads = f"{leader['workloads']} of {formats.count(leader['all_workloads'], 'workload')}"
    return Answer(leader["verdict"], times, f"{workloads}, {formats.count(leader['launches'], 'launch')}")


def _caution(ranked: pd.DataFrame) -> str:
    if (ranked["verdict"] == "apart").any():
        return (
            "Some backends were not measured in turns, so that the machine may have changed between them: nothing is "
            "called fastest there. Measure them with one command: nox -s bench-tf bench-jax bench-torch."
        )
    # Of any number of launches only one compiles cold.
    timed = ranked["metric"].isin(schema.RUN_METRICS) & (ranked["launches"] > 0)
    fewest = ranked.loc[timed, "launches"].min()
    if pd.isna(fewest) or fewest >= ENOUGH_LAUNCHES:
        return ""
    return (
        f"Some cells were measured in {formats.count(fewest, 'launch')} only, which cannot tell how much one process "
        f"differs from the next: nothing is called fastest there. Measure with --launches {ENOUGH_LAUNCHES} or more."
    )
