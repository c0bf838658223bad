"""What the columns and rows of matplotlib's figures stand for."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pandas as pd

from bench.analysis.figures import style
from bench.analysis.tables import schema

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


def in_panels(rows: pd.DataFrame, panels: Sequence[Panel]) -> pd.DataFrame:
    """The rows that one of the panels shows."""
    wanted = pd.MultiIndex.from_frame(rows[["metric", "mode"]]).isin([(panel.metric, panel.mode) for panel in panels])
    return rows[wanted]


def row_names(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The label of each workload and size."""
    keys = rows[ROW_KEY].drop_duplicates().itertuples(index=False, name=None)
    return {key: style.label(*key) for key in keys}
