"""How large a difference between backends must be to be believed, for all the differences of a page together.

A launch says one thing of a cell: the logarithm of the median of its rounds. What it says has two errors. One is the
launch's own and moves all cells of its kind (setting, metric and mode) together; the other is the cell's. Both are
estimated from how launches of the same cell differ, over all backends that were measured in turns. No cell is believed
to be steadier than the cells of its kind are on average: of three launches, some agree by chance.

The limits are Student's t with Bonferroni's correction over every pair of backends in every cell and family of a page,
so that with equally fast backends all its claims together are wrong with a probability of at most 5 %.
`results/FINDINGS.md` has what simulations show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from bench.analysis.statistics.intervals import LEVEL
from bench.analysis.tables import schema
from bench.analysis.tables.cells import ENOUGH_LAUNCHES

SETTING = ["machine", "device", "dtype"]
CASE = [*SETTING, "family", "workload", "size", "mode", "metric"]
KIND = [*SETTING, "metric", "mode"]
KIND_FREEDOM = 4
"""Degrees of freedom that the cells of its kind add to what a cell's own launches tell of its error."""


@dataclass(frozen=True)
class Margins:
    """What a difference of two means over launches must exceed, apart from the number of launches.

    Args:
        of_cells: by `CASE`, with the columns `launch`, the error that cells share, and `own`; each is a standard
            deviation of what one launch says, times its quantile.
    """

    of_cells: pd.DataFrame

    def of_cell(self, cases: pd.MultiIndex, one: pd.Series, other: pd.Series) -> np.ndarray:
        """Half widths of the intervals of log ratios in these cases; `one` and `other` count the launches."""
        found = self.of_cells.reindex(cases)
        count = 1 / np.asarray(one, float) + 1 / np.asarray(other, float)
        return np.sqrt(count) * np.hypot(found["launch"], found["own"]).to_numpy()

    def of_mean(self, cases: pd.MultiIndex, launches: int) -> float:
        """The same for a mean over cells of one kind, each from so many launches on both sides."""
        found = self.of_cells.reindex(cases)
        own = np.sqrt((found["own"] ** 2).sum()) / len(found)
        return float(np.sqrt(2 / launches) * np.hypot(found["launch"].max(), own))


def margins(medians: pd.DataFrame) -> Margins:
    """Of the cells that may be compared: one row a cell, backend and launch, with `CASE`, `backend`, `pass`, `log`."""
    rows = medians[[*CASE, "backend", "pass", "log"]]
    mean = rows.groupby([*CASE, "backend"])["log"].transform("mean")
    rows = rows.assign(off=rows["log"] - mean)
    effect = rows.groupby([*KIND, "backend", "pass"])["off"].transform("mean")
    rows = rows.assign(rest=rows["off"] - effect)
    launch = rows.groupby([*KIND, "backend", "pass"])["off"].mean()
    of_kind = pd.DataFrame({"effect": launch.pow(2).groupby(KIND).sum(), "freedom": _freedom(launch, KIND)})
    of_case = rows.assign(own=rows["rest"] ** 2).groupby(CASE)[["own"]].sum()
    of_case["freedom"] = _freedom(rows.set_index([*CASE, "backend", "pass"])["off"], CASE)
    kinds = of_case.groupby(KIND).sum()
    pooled = (kinds["own"] / kinds["freedom"]).reindex(pd.MultiIndex.from_frame(of_case.index.to_frame()[KIND]))
    own = np.sqrt(np.maximum(of_case["own"] / of_case["freedom"], pooled.to_numpy()))
    claims = _claims(rows)
    at = (1 - LEVEL) / 4  # half of it for what launches share, half for the cells; to both sides
    shared = np.sqrt(of_kind["effect"] / of_kind["freedom"]) * stats.t.isf(at / claims.kinds, of_kind["freedom"])
    of_case["own"] = own * stats.t.isf(at / claims.cells, of_case["freedom"] + KIND_FREEDOM)
    of_case["launch"] = shared.reindex(pd.MultiIndex.from_frame(of_case.index.to_frame()[KIND])).to_numpy()
    return Margins(of_case[["launch", "own"]])


@dataclass(frozen=True)
class _Claims:
    """Pairs of backends: over the kinds, and over all cells and families."""

    kinds: int
    cells: int


def _claims(rows: pd.DataFrame) -> _Claims:
    def pairs(names: list[str]) -> int:
        count = rows.groupby(names)["backend"].nunique()
        return max(1, int((count * (count - 1) // 2).sum()))

    return _Claims(pairs(KIND), pairs(CASE) + pairs([*KIND, "family"]))


def _freedom(launches: pd.Series, names: Sequence[str]) -> pd.Series:
    """Launches less one for each backend, summed over the backends."""
    each = launches.groupby([*names, "backend"]).size() - 1
    return each.groupby(list(names)).sum()


def in_turns(launches: pd.DataFrame) -> set[tuple]:
    """Which pairs of backends were measured in turns: (run, machine, device, one, other), both ways round.

    Every pass over the one must begin before the next pass over the other: the machine's drift then hits both alike.
    What was measured one after the other may stand side by side and is never compared.
    """
    found = set()
    machine = launches["facts"].map(lambda facts: facts["machine"])
    for (run, where, device), group in launches.groupby(["run", machine, "device"]):
        starts = {backend: own.groupby("pass")["start"].min() for backend, own in group.groupby("backend")}
        for one in starts:
            for other in starts:
                if one != other and _alternate(starts[one], starts[other]):
                    found.add((run, where, device, one, other))
    return found


def _alternate(one: pd.Series, other: pd.Series) -> bool:
    both = pd.concat([one, other], axis=1, join="inner").sort_index()
    if both.empty:
        return False
    return bool((both.max(axis=1).iloc[:-1].to_numpy() < both.min(axis=1).iloc[1:].to_numpy()).all())


def decidable(rows: pd.DataFrame, turns: set[tuple]) -> pd.Series:
    """For each cell, of its case: "yes", "apart" where backends were not measured in turns, or "few" launches."""
    bits = rows.assign(bit=rows["backend"].map({name: 1 << i for i, name in enumerate(schema.BACKENDS)}))
    cases = bits.groupby(CASE)
    places = pd.DataFrame(
        {
            "run": rows["run"].where(cases["run"].transform("nunique") == 1, ""),
            "machine": rows["machine"],
            "device": rows["device"],
            "bits": cases["bit"].transform("sum"),
        }
    )
    together = {place for place in set(places.itertuples(index=False, name=None)) if _together(place, turns)}
    apart = np.array([place not in together for place in places.itertuples(index=False, name=None)], bool)
    few = cases["launches"].transform("min") < ENOUGH_LAUNCHES
    return pd.Series(np.select([apart, few], ["apart", "few"], "yes"), index=rows.index, dtype=object)


def _together(place: tuple, turns: set[tuple]) -> bool:
    *where, bits = place
    backends = [name for i, name in enumerate(schema.BACKENDS) if bits >> i & 1]
    return len(backends) == 1 or all((*where, one, other) in turns for one, other in combinations(backends, 2))


def comparable(rows: pd.DataFrame, medians: pd.DataFrame) -> pd.DataFrame:
    """What the launches of these cells say."""
    keys = ["run", "machine", "backend", "device", *schema.IDENTITY]
    return medians.merge(rows[keys], on=keys)
