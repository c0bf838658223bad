"""Is the one slower than the other? The decisions, as pure functions of what the launches measured.

A difference is `ln(head / base)` of one pair of launches, positive where head is slower; a launch speaks with the
lower quartile of its rounds, which moves less from one process to the next than their median. Pairs are the
replicates, never rounds. Two stages keep false alarms rare without many launches of everything: a screen of all cells
flags those that may differ, and new pairs of the flagged cells alone confirm it or not. The screen's own data never
count towards the confirmation.

The confirmation is exact, however many cells it tests and whatever their noise is. Where the code is equal, each pair
is as likely to be the other way round, for all cells of the pair at once; so the largest score of any cell is compared
with the largest under every change of the pairs' signs, cell after cell (step-down, Westfall and Young 1993). That
holds the chance of any false alarm in a comparison below 1 %, with cells that move together, outliers, and processes
of two speeds; and what slows all cells is found as well as what slows one.
"""

import functools
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import tt_solve_power

from bench.analysis import intervals
from bench.commandline import FOUND, INCOMPLETE, OK, UNDECIDED

SCREEN_PAIRS, SCREEN_P, SCREEN_EFFECT = 5, 0.10, math.log(1.015)
LOOK_PAIRS, CONFIRM_PAIRS = 6, 12
ALPHA = 0.007
"""Below 1 %, and enough for twelve pairs of which one points the other way: 13 of 2048 changes of sign are as far."""
SMALLEST_EFFECT = math.log(1.02)
SMALLEST_STORED_EFFECT = math.log(1.05)
SAME_WITHIN = math.log(1.03)
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
STORED_SAME_WITHIN = math.log(1.10)
NEW = ("not in A", "unsupported in A", "unsupported in base")
"""Reasons of cells that there is nothing to compare with."""
FARTHEST = 3.0
"""Where a score ends: so many median absolute differences."""
ROUNDING = 1e-9
POWER = 0.8
FLOOR_DRAWS = 9999
WORST_FIRST = ("slower", "undecided", "faster", "same")

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Verdict:
    """What is known of one cell.

    Args:
        ratio: head's time over base's, the median over pairs.
        ci_low: lower limit of its 95 % interval: of the median from order statistics where new pairs confirmed or
            refuted a difference, of the mean by Student's t where five pairs only screened.
        ci_high: upper limit. The interval of a "slower" or "faster" excludes 1.
        p_value: of the confirming test, exact and corrected for all that were tested; of the screen's t-test where the
            cell was not flagged.
        pairs: pairs of launches behind the ratio; for stored results, launches of the smaller side.
        verdict: "slower", "faster", "same" (the 90 % interval within 3 %, against stored results within 10 %) or
            "undecided".
        detectable: the smallest ratio that would have been found in four of five such comparisons.
        reason: why it is undecided, where more than noise is to blame.
    """

    ratio: float
    ci_low: float
    ci_high: float
    p_value: float
    pairs: int
    verdict: str
    detectable: float
    reason: str = ""


def speak(times: ArrayLike) -> float:
    """The one number that a launch gives for a cell."""
    return float(np.quantile(np.asarray(times, float), 0.25))


def is_flagged(differences: ArrayLike) -> np.ndarray:
    """The screen: whether a cell is worth a second look. Pairs along the last axis."""
    d = np.asarray(differences, float)
    pairs = d.shape[-1]
    if pairs < SCREEN_PAIRS:
        return np.zeros(d.shape[:-1], bool)
    error = d.std(axis=-1, ddof=1) / math.sqrt(pairs)
    away = np.abs(d.mean(axis=-1)) > intervals.student(pairs - 1, 1 - SCREEN_P) * error
    return away & (np.abs(np.median(d, axis=-1)) > SCREEN_EFFECT)


def is_promising(differences: ArrayLike, floor: ArrayLike = 0.0) -> np.ndarray:
    """Half-way through the confirmation: whether the rest can still confirm a cell. Pairs along the last axis.

    Where no cell is, the rest is not measured, which raises no alarm. Where one is, all flagged cells are measured on:
    a test of those alone that look promising would not be exact.
    """
    return np.abs(np.median(np.asarray(differences, float), axis=-1)) > threshold(floor) / 2


def threshold(floor: ArrayLike, smallest: float = SMALLEST_EFFECT) -> np.ndarray:
    """The effect, in logarithms, under which a difference is not called one."""
    return np.maximum(smallest, 2 * np.asarray(floor))


def joint_p(differences: ArrayLike) -> np.ndarray:
    """Exact p-values of cells that were measured in the same pairs, corrected for each other.

    A cell's score is |sum of d| / |d|, which grows with Student's t, of differences that are cut off at three times
    their median size. The score of the strongest cell is compared with the largest of all cells under each change of
    the pairs' signs, that of the next with the largest of those that are left, and so on.

    Args:
        differences: [cell, pair].
    """
    d = np.asarray(differences, float)
    farthest = FARTHEST * np.median(np.abs(d), axis=1, keepdims=True)
    cut = np.clip(d, -farthest, farthest)
    size = np.linalg.norm(cut, axis=1)
    scores = np.abs(_signs(d.shape[1]) @ cut.T) / np.where(size > 0, size, 1)
    strongest_first = np.argsort(-scores[0], kind="stable")
    scores = scores[:, strongest_first]
    largest_of_rest = np.maximum.accumulate(scores[:, ::-1], axis=1)[:, ::-1]
    share = (largest_of_rest >= scores[0] * (1 - ROUNDING)).mean(axis=0)
    p_values = np.empty(len(d))
    p_values[strongest_first] = np.maximum.accumulate(share)
    return p_values


@functools.cache
def _signs(pairs: int) -> np.ndarray:
    """[change, pair]: every way to change the signs of pairs, none first; that of all is no other change."""
    bits = np.arange(2 ** (pairs - 1))[:, None] >> np.arange(pairs) & 1
    return 1.0 - 2.0 * bits


def judge(
    screened: Mapping[Key, Sequence[float]],
    confirmed: Mapping[Key, Sequence[float]],
    floors: Mapping[Key, float],
    reasons: Mapping[Key, str],
) -> dict[Key, Verdict]:
    """Verdicts of the two-stage rule.

    Args:
        screened: differences of the screen, for every cell.
        confirmed: differences of the new pairs, for the flagged cells.
        floors: what this machine shows between equal code, where that is known.
        reasons: why a cell lacks pairs.
    """
    tested = [key for key, d in confirmed.items() if len(d) == CONFIRM_PAIRS]
    p_values = dict(zip(tested, joint_p([confirmed[key] for key in tested]).tolist(), strict=True)) if tested else {}
    verdicts = {}
    for key in screened:
        floor = floors.get(key, 0.0)
        d = np.asarray(confirmed.get(key, screened[key]), float)
        if len(screened[key]) < SCREEN_PAIRS or len(d) < (LOOK_PAIRS if key in confirmed else SCREEN_PAIRS):
            verdicts[key] = _undecided(d, reasons.get(key, "too few pairs of launches"))
            continue
        p_value = p_values.get(key, 1.0 if key in confirmed else _screen_p(d))
        interval = intervals.of_median(d) if key in confirmed else intervals.mean_of(d)
        sure = key in p_values and p_value <= ALPHA and not interval[0] <= 0 <= interval[1]
        limit = float(threshold(floor))
        verdicts[key] = _verdict(d, interval, p_value, sure, limit, _detectable(screened[key], limit))
    return verdicts


def judge_stored(
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
            verdict=_word(float(nearest[k]), corrected[k] <= ALPHA, limit, is_same),
            detectable=math.exp(max(limit, reach[2, k] - reach[3, k])),
        )
    return verdicts


def exit_code(found: Iterable[tuple[str, str]]) -> int:
    """What a command returns for these verdicts, each with its reason or none."""
    known = list(found)
    if any(word == "slower" for word, _ in known):
        return FOUND
    if not known or any(word == "undecided" and reason and not reason.startswith(NEW) for word, reason in known):
        return INCOMPLETE
    return UNDECIDED if any(word == "undecided" and not reason for word, reason in known) else OK


def not_compared(reason: str) -> Verdict:
    return Verdict(math.nan, math.nan, math.nan, math.nan, 0, "undecided", math.nan, reason)


def common_shift(verdicts: Mapping[Key, Verdict]) -> float:
    """The ratio by which all cells moved together: rather another machine state than another code."""
    return float(np.median([verdict.ratio for verdict in verdicts.values()])) if verdicts else math.nan


def noise_floor(differences: ArrayLike, pairs: int = CONFIRM_PAIRS) -> float:
    """The 95th percentile of the effect that `pairs` pairs of equal code show, in logarithms.

    Between equal code either side may be ahead, so the differences are drawn again with random signs.
    """
    d = np.asarray(differences, float)
    generator = np.random.default_rng(0)
    draws = generator.choice(d, (FLOOR_DRAWS, pairs)) * generator.choice([-1.0, 1.0], (FLOOR_DRAWS, pairs))
    return float(np.quantile(np.abs(np.median(draws, axis=1)), 0.95))


def _verdict(
    d: np.ndarray, interval: intervals.Interval, p_value: float, sure: bool, limit: float, detectable: float
) -> Verdict:
    middle = float(np.median(d))
    low, high = interval
    return Verdict(
        ratio=math.exp(middle),
        ci_low=math.exp(min(low, middle)),
        ci_high=math.exp(max(high, middle)),
        p_value=p_value,
        pairs=len(d),
        verdict=_word(middle, sure, limit, _is_within(intervals.mean_of(d, level=0.90), SAME_WITHIN)),
        detectable=detectable,
    )


def _word(effect: float, sure: bool, limit: float, is_same: bool) -> str:
    if sure and abs(effect) > limit:
        return "slower" if effect > 0 else "faster"
    return "same" if is_same else "undecided"


def _is_within(interval: intervals.Interval, limit: float) -> bool:
    return interval[0] > -limit and interval[1] < limit


def _welch(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Variance of the difference of two means, and its degrees of freedom."""
    first, second = (float(np.var(side, ddof=1)) / len(side) for side in (a, b))
    if first + second == 0:
        return 0.0, len(a) + len(b) - 2
    return first + second, (first + second) ** 2 / (first**2 / (len(a) - 1) + second**2 / (len(b) - 1))


def _undecided(d: np.ndarray, reason: str) -> Verdict:
    ratio = math.exp(np.median(d)) if len(d) else math.nan
    return Verdict(ratio, math.nan, math.nan, math.nan, len(d), "undecided", math.nan, reason)


def _screen_p(d: np.ndarray) -> float:
    return float(stats.ttest_1samp(d, 0.0).pvalue) if np.ptp(d) > 0 else float(d[0] == 0)


def _holm(p_values: Sequence[float], family: int) -> list[float]:
    """Corrected for a family of that size: members that were not tested count as not significant."""
    if not p_values:
        return []
    padded = [*p_values, *[1.0] * (family - len(p_values))]
    return list(map(float, multipletests(padded, alpha=ALPHA, method="holm")[1][: len(p_values)]))


def _detectable(screened: Sequence[float], limit: float) -> float:
    """The ratio that the screen lets through with that power, or the threshold if that is more."""
    return math.exp(max(limit, SCREEN_EFFECT, _screen_size(len(screened)) * float(np.std(screened, ddof=1))))


@functools.cache
def _screen_size(pairs: int) -> float:
    """The effect in standard deviations."""
    return abs(float(tt_solve_power(nobs=pairs, alpha=SCREEN_P, power=POWER)))
