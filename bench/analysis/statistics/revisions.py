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
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.power import tt_solve_power

from bench.analysis.statistics import intervals
from bench.analysis.statistics.version_verdicts import ALPHA, POWER, SAME_WITHIN, Key, Verdict, threshold, word

SCREEN_PAIRS, SCREEN_P, SCREEN_EFFECT = 5, 0.10, math.log(1.015)
LOOK_PAIRS, CONFIRM_PAIRS = 6, 12
FARTHEST = 3.0
"""Where a score ends: so many median absolute differences."""
ROUNDING = 1e-9
FLOOR_DRAWS = 9999


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
        verdict=word(middle, sure, limit, _is_within(intervals.mean_of(d, level=0.90), SAME_WITHIN)),
        detectable=detectable,
    )


def _is_within(interval: intervals.Interval, limit: float) -> bool:
    return interval[0] > -limit and interval[1] < limit


def _undecided(d: np.ndarray, reason: str) -> Verdict:
    ratio = math.exp(np.median(d)) if len(d) else math.nan
    return Verdict(ratio, math.nan, math.nan, math.nan, len(d), "undecided", math.nan, reason)


def _screen_p(d: np.ndarray) -> float:
    return float(stats.ttest_1samp(d, 0.0).pvalue) if np.ptp(d) > 0 else float(d[0] == 0)


def _detectable(screened: Sequence[float], limit: float) -> float:
    """The ratio that the screen lets through with that power, or the threshold if that is more."""
    return math.exp(max(limit, SCREEN_EFFECT, _screen_size(len(screened)) * float(np.std(screened, ddof=1))))


@functools.cache
def _screen_size(pairs: int) -> float:
    """The effect in standard deviations."""
    return abs(float(tt_solve_power(nobs=pairs, alpha=SCREEN_P, power=POWER)))
