"""Is the one slower than the other? Of two stored sessions, one later than the other.

Sessions are not replicated, so little can be known: what, and how, `judge` says.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.analysis.statistics.version_verdicts import ALPHA, POWER, Key, Verdict, threshold, word

SMALLEST_STORED_EFFECT = math.log(1.05)
STORED_SAME_WITHIN = math.log(1.10)
STORED_LAUNCHES = 3
CROWD = 8
"""Cells from which the spread between two sessions can be estimated."""
ASSUMED_SPREAD = 0.03
"""Standard deviation between two sessions of a cell where it cannot."""
MACHINE = math.log(1.5)
"""What a machine's pace may change by from one session to another."""
TO_SD, MAD_EFFICIENCY = 1 / stats.norm.ppf(0.75), 0.37
"""From the median absolute deviation of normal values to their standard deviation, and to how many it is worth."""
STEADIEST = 1e-4


def judge(
    base: Mapping[Key, Sequence[float]], head: Mapping[Key, Sequence[float]], floors: Mapping[Key, float]
) -> dict[Key, Verdict]:
    """Verdicts on two sessions of one backend, one later than the other, that both ran the same cells.

    Launches tell the spread within a session. How far two sessions of equal code lie apart only other sessions could
    tell, and there are none; so it is taken from the other cells, or assumed where these are fewer than `CROWD`: the
    spread of all cells' effects around their median joins the error of each. A shift of all cells by less than
    `MACHINE` is not told from another pace of the machine: a cell is called slower only where it is so with that shift
    and without it, by 5 % at least, by Student's t corrected by Holm over all cells. "same" means within 10 %.
    """
    keys = [key for key in base if min(len(base[key]), len(head.get(key, ()))) >= STORED_LAUNCHES]
    if not keys:
        return {}
    sides = [[np.log(side[key]) for key in keys] for side in (base, head)]
    effects = np.array([np.median(b) - np.median(a) for a, b in zip(*sides, strict=True)])
    own, freedom = np.array([_welch(a, b) for a, b in zip(*sides, strict=True)]).T
    shift, spread = 0.0, ASSUMED_SPREAD
    if len(keys) >= CROWD:
        middle = float(np.median(effects))
        shift = min(max(middle, -MACHINE), MACHINE)
        spread = TO_SD * float(np.median(np.abs(effects - middle)))
        freedom = np.minimum(freedom, MAD_EFFICIENCY * len(keys))
    errors = np.sqrt(own + spread**2).clip(STEADIEST)
    both = np.stack([effects, effects - shift])
    nearest = np.where(both[0] * both[1] > 0, np.abs(both).min(axis=0), 0.0) * np.sign(effects)
    corrected = _holm((2 * stats.t.sf(np.abs(nearest) / errors, freedom)).tolist(), family=len(keys))
    reach = stats.t.isf([[0.025], [0.05], [ALPHA / len(keys) / 2], [1 - POWER]], freedom) * errors
    verdicts = {}
    for k, key in enumerate(keys):
        limit = float(threshold(floors.get(key, 0.0), SMALLEST_STORED_EFFECT))
        is_same = bool((np.abs(both[:, k]) + reach[1, k] < STORED_SAME_WITHIN).all())
        verdicts[key] = Verdict(
            ratio=math.exp(effects[k]),
            ci_low=math.exp(effects[k] - reach[0, k]),
            ci_high=math.exp(effects[k] + reach[0, k]),
            p_value=corrected[k],
            pairs=min(len(base[key]), len(head[key])),
            verdict=word(float(nearest[k]), corrected[k] <= ALPHA, limit, is_same),
            detectable=math.exp(max(limit, reach[2, k] - reach[3, k])),
        )
    return verdicts


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Variance of the difference of two means, and its degrees of freedom."""
    first, second = (float(np.var(side, ddof=1)) / len(side) for side in (a, b))
    if first + second == 0:
        return 0.0, len(a) + len(b) - 2
    return first + second, (first + second) ** 2 / (first**2 / (len(a) - 1) + second**2 / (len(b) - 1))


def _holm(p_values: Sequence[float], family: int) -> list[float]:
    """Corrected for a family of that size: members that were not tested count as not significant."""
    if not p_values:
        return []
    padded = [*p_values, *[1.0] * (family - len(p_values))]
    return list(map(float, multipletests(padded, alpha=ALPHA, method="holm")[1][: len(p_values)]))
