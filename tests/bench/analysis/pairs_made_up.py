"""Made-up pairs of launches, for the tests; and how often the rule of `regress` is wrong, as a table:

python -m tests.bench.analysis.pairs_made_up --equal 2000 --planted 100
"""

import argparse
import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from bench.analysis.statistics import intervals, revisions, version_verdicts
from bench.analysis.statistics.revisions import CONFIRM_PAIRS, LOOK_PAIRS, SCREEN_PAIRS

CELLS = (30, 300, 3000)
SHARES = ("one", "a tenth", "all")
PERCENTS = (3, 5, 10, 100)
NOISES = (0.01, 0.03, 0.10)
KINDS = ("alike", "drifting", "outlying", "two speeds", "two speeds together")


@dataclass
class Machine:
    """Pairs of launches whose differences have about the standard deviation `noise`.

    Args:
        random: the generator.
        noise: standard deviation of a cell's difference, in logarithms.
        kind: what else there is. "alike": half of the variance is common to all cells of a pair. "drifting": that, and
            a machine whose pace wanders by ten times the noise from pair to pair and by a third of it within a pair.
            "outlying": 3 % of the differences are ten times as large. "two speeds": every process runs every second
            cell at one of two speeds, three times the noise apart; "together": all those cells at the same one.
    """

    random: np.random.Generator
    noise: float
    kind: str = "alike"

    def pairs(self, count: int, effects: np.ndarray) -> np.ndarray:
        """[cell, pair]: the differences; base begins in every second pair."""
        cells = len(effects)
        normal = self.random.standard_normal
        d = math.sqrt(0.5) * (normal((cells, count)) + normal((1, count)))
        if self.kind == "drifting":
            d += 0.3 * normal((1, count)) * (-1.0) ** np.arange(count)
        elif self.kind == "outlying":
            d *= np.where(self.random.random((cells, count)) < 0.03, 10, 1)
        elif self.kind.startswith("two speeds"):
            processes = (2, 1 if self.kind.endswith("together") else cells, count)
            head, base = self.random.random(processes) < 0.3
            d[::2] += (3.0 * head - 3.0 * base)[::2]
        return self.noise * d + effects[:, None]


def slower_cells(pairs: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Which cells the rule calls slower or faster, for thousands of cells at once; a test compares it with `judge`."""
    flagged = np.flatnonzero(revisions.is_flagged(pairs))
    called = np.zeros(len(pairs), bool)
    if not revisions.is_promising(new[flagged, :LOOK_PAIRS]).any():
        return called
    d = new[flagged]
    effect = np.median(d, axis=1)
    limits = np.array([intervals.of_median(row) for row in d])
    sure = (revisions.joint_p(d) <= version_verdicts.ALPHA) & ((limits[:, 0] > 0) | (limits[:, 1] < 0))
    called[flagged] = sure & (np.abs(effect) > version_verdicts.SMALLEST_EFFECT)
    return called


def compare(machine: Machine, effects: np.ndarray) -> np.ndarray:
    return slower_cells(machine.pairs(SCREEN_PAIRS, effects), machine.pairs(CONFIRM_PAIRS, effects))


def planted(cells: int, share: str, percent: float) -> np.ndarray:
    effects = np.zeros(cells)
    effects[: {"one": 1, "a tenth": cells // 10, "all": cells}[share]] = math.log1p(percent / 100)
    return effects


def power(cells: int, share: str, percent: float, noise: float, runs: int, seed: int = 0) -> tuple[float, float]:
    """Share of the slower cells that are found, and share of comparisons in which another cell is accused."""
    found, accused = [], []
    effects = planted(cells, share, percent)
    for run in range(runs):
        called = compare(Machine(np.random.default_rng([seed, run]), noise), effects)
        found.append(called[effects > 0].mean())
        accused.append(called[effects == 0].any())
    return float(np.mean(found)), float(np.mean(accused))


def false_alarms(cells: int, noise: float, kind: str, runs: int, seed: int = 1) -> int:
    """Comparisons of equal code, out of `runs`, in which a cell is accused."""
    machines = (Machine(np.random.default_rng([seed, run]), noise, kind) for run in range(runs))
    return sum(bool(compare(machine, np.zeros(cells)).any()) for machine in machines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Simulate comparisons of equal and of slower code.")
    parser.add_argument("--equal", type=int, default=2000, help="comparisons of equal code, for each row")
    parser.add_argument("--planted", type=int, default=100, help="comparisons of slower code, for each number")
    options = parser.parse_args()
    print("| equal code: false alarms in % | cells |", " | ".join(f"{noise:.0%} noise" for noise in NOISES), "|")
    print("|---|---:|" + "---:|" * len(NOISES))
    for kind, cells in product(KINDS, CELLS):
        rates = [false_alarms(cells, noise, kind, options.equal) / options.equal for noise in NOISES]
        print(f"| {kind} | {cells} |", " | ".join(f"{100 * rate:.2f}" for rate in rates), "|", flush=True)
    print()
    columns = [f"+{percent} %, {noise:.0%}" for noise, percent in product(NOISES, PERCENTS)]
    print("| slower cells found in % | of |", " | ".join(columns), "|")
    print("|---|---:|" + "---:|" * len(columns))
    for share, cells in product(SHARES, CELLS):
        rates = [
            power(cells, share, percent, noise, options.planted)[0] for noise, percent in product(NOISES, PERCENTS)
        ]
        print(f"| {share} | {cells} |", " | ".join(f"{100 * rate:.0f}" for rate in rates), "|", flush=True)


if __name__ == "__main__":
    main()
