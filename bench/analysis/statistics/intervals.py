"""95 % intervals of times and of ratios of times. An interval that the data cannot support is (nan, nan)."""

import math
import statistics
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

LEVEL = 0.95
NONE = (math.nan, math.nan)

Interval = tuple[float, float]
Estimate = Sequence[ArrayLike]


def of_median(times: Sequence[float] | np.ndarray) -> Interval:
    """Of a median, such as that of one launch's rounds, from order statistics; it takes six values to reach 95 %."""
    rank = _rank(len(times))
    if rank < 1:
        return NONE
    ordered = np.sort(times)
    return float(ordered[rank - 1]), float(ordered[-rank])


@cache
def _rank(count: int) -> int:
    return int(stats.binom.ppf((1 - LEVEL) / 2, count, 0.5))


def of_few_launches(launches: Sequence[np.ndarray]) -> Interval:
    """The hull of the launches' own intervals: what one or two launches can say, blind to the spread between them."""
    intervals = [of_median(times) for times in launches]
    if not intervals or np.isnan(intervals).any():
        return NONE
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def of_launches(medians: Sequence[float]) -> Interval:
    """Student's t on the logarithms of the launch medians, widened where needed to hold their median.

    From six launches on it is joined with the order-statistic interval, which holds the median whatever the noise is:
    where launches have two paces, Student's t alone is too narrow.
    """
    low, high = mean_of([math.log(median) for median in medians])
    middle = statistics.median(medians)
    of_order = [limit for limit in of_median(medians) if not math.isnan(limit)]
    return min(math.exp(low), middle, *of_order), max(math.exp(high), middle, *of_order)


def mean_of(values: Sequence[float] | np.ndarray, level: float = LEVEL) -> Interval:
    """Student's t interval of a mean."""
    count = len(values)
    if count < 2:
        return NONE
    mean = math.fsum(values) / count
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    half = student(count - 1, level) * math.sqrt(variance / count)
    return mean - half, mean + half


@cache
def student(freedom: int, level: float = LEVEL) -> float:
    """How many standard errors a two-sided Student's t interval reaches."""
    return float(stats.t.ppf((1 + level) / 2, freedom))


def of_ratio(top: Estimate, bottom: Estimate) -> tuple[np.ndarray, np.ndarray]:
    """Of top / bottom, each given as (median, low, high): distances to the limits add in squares on the log scale."""
    a, a_low, a_high = map(np.log, top)
    b, b_low, b_high = map(np.log, bottom)
    down = np.hypot(a - a_low, b_high - b)
    up = np.hypot(a_high - a, b - b_low)
    return np.exp(a - b - down), np.exp(a - b + up)
