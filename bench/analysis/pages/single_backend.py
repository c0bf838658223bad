"""What can be said of a backend that is measured alone: times over native code and Keras' layers, and compiling.

Ratios are geometric means over workloads, each with the 95 % interval that its spread over the workloads gives.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.analysis import formats
from bench.analysis.pages.fastest_backend import QUESTIONS
from bench.analysis.statistics import intervals
from bench.analysis.tables import comparison, schema

KERAS_PREFIX = "keras_"
COUNTERPART = ["run", *comparison.SETTING, "family", "size", "metric", "mode", "native"]


@dataclass(frozen=True)
class Alone:
    """What is known of one backend in one setting: for each family one list of lines a question."""

    title: str
    questions: list[str]
    rows: dict[str, list[list[str]]]


def alone(frame: pd.DataFrame) -> list[Alone]:
    """One for each setting in which a single backend was measured."""
    rows = comparison.typical_sizes(comparison.measured(comparison.techniques(frame)))
    found = []
    for setting, of_setting in rows.groupby(comparison.SETTING):
        if of_setting["backend"].nunique() == 1:
            backend = of_setting["backend"].iloc[0]
            found.append(_alone(" · ".join([backend, *setting]), of_setting))
    return found


def _alone(title: str, rows: pd.DataFrame) -> Alone:
    modes = rows.assign(over_keras=_over_keras(rows)).groupby(["family", "metric", "mode"])
    lines: dict[str, dict[str, list[str]]] = {}
    for (family, metric, mode), own in modes:
        question = QUESTIONS.get((metric, mode))
        if question is None:
            continue
        told = {"native_ratio": "native", "over_keras": "Keras"} if metric in schema.RUN_METRICS else {}
        ratios = [line for column, over in told.items() for line in _ratio(own, column, over)]
        lines.setdefault(family, {})[question] = ratios or [_times(own)]
    asked = [question for question in QUESTIONS.values() if any(question in own for own in lines.values())]
    return Alone(title, asked, {family: [own.get(q, []) for q in asked] for family, own in lines.items()})


def _over_keras(rows: pd.DataFrame) -> pd.Series:
    """The time of a layer of the library over that of the Keras layer with the same native counterpart."""
    of_keras = rows["workload"].str.startswith(KERAS_PREFIX)
    keras = rows[of_keras].drop_duplicates(COUNTERPART).set_index(COUNTERPART)["median_s"]
    keras = keras[keras.index.get_level_values("native").notna()]
    times = keras.reindex(pd.MultiIndex.from_frame(rows[COUNTERPART])).to_numpy()
    return (rows["median_s"] / times).where(~of_keras)


def _ratio(rows: pd.DataFrame, name: str, told: str) -> list[str]:
    own = rows[~rows["workload"].str.startswith(KERAS_PREFIX)]
    logs = np.log(own[name].dropna().astype(float))
    if not len(logs):
        return []
    low, high = np.exp(intervals.mean_of(logs.tolist()))
    interval = f" {formats.interval(low, high)}" if len(logs) >= comparison.ENOUGH_WORKLOADS else ""
    return [
        f"{formats.ratio(float(np.exp(logs.mean())))} times {told}{interval}, {formats.count(len(logs), 'workload')}"
    ]


def _times(rows: pd.DataFrame) -> str:
    """The median over workloads, the shortest and the longest."""
    times = rows["median_s"]
    spread = f", {formats.seconds(times.min())} to {formats.seconds(times.max())}" if len(times) > 1 else ""
    return f"{formats.seconds(float(times.median()))}{spread}"
