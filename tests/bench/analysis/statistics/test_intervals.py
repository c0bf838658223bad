"""The intervals against SciPy, against arithmetic done by hand, and against how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis.statistics import intervals

TRIALS = 3000
SURE = 0.9999
"""A seeded simulation may leave these bounds once in ten thousand seeds."""


def bounds(probability: float) -> tuple[float, float]:
    return stats.binom.interval(SURE, TRIALS, probability)


@pytest.mark.parametrize("count", [6, 7, 20, 21, 68, 400])
def test_rounds_agree_with_scipy(count):
    times = np.random.default_rng(count).lognormal(size=count)
    expected = stats.quantile_test(times, p=0.5).confidence_interval(0.95)
    assert intervals.of_median(times) == (expected.low, expected.high)


def test_six_rounds_span_their_range():
    assert intervals.of_median([6, 1, 5, 2, 4, 3]) == (1, 6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_too_few_rounds_have_no_interval(count):
    assert np.isnan(intervals.of_median(range(1, count + 1))).all()


def test_rounds_hold_the_median_as_often_as_they_should():
    count = 30
    rank = next(k for k in range(count) if stats.binom.cdf(k, count, 0.5) >= 0.025)
    exact = 1 - 2 * stats.binom.cdf(rank - 1, count, 0.5)
    rng = np.random.default_rng(0)
    found = [intervals.of_median(rng.lognormal(size=count)) for _ in range(TRIALS)]
    held = sum(low <= 1 <= high for low, high in found)
    assert exact >= 0.95
    assert bounds(exact)[0] <= held <= bounds(exact)[1]


def test_few_launches_span_the_hull():
    first, second = np.arange(1.0, 7.0), np.arange(11.0, 17.0)
    assert intervals.of_few_launches([first]) == (1, 6)
    assert intervals.of_few_launches([first, second]) == (1, 16)


def test_a_launch_without_an_interval_leaves_none():
    assert np.isnan(intervals.of_few_launches([np.arange(1.0, 7.0), np.ones(1)])).all()
    assert np.isnan(intervals.of_few_launches([])).all()


def test_launches_by_hand():
    low, high = intervals.of_launches([math.exp(1), math.exp(2), math.exp(3)])
    half = 4.302652729911275 / math.sqrt(3)  # Student's 97.5 % point with 2 degrees of freedom; the deviation is 1
    assert low == pytest.approx(math.exp(2 - half))
    assert high == pytest.approx(math.exp(2 + half))


def test_launches_in_two_modes_still_hold_their_median():
    medians = [1.0] * 11 + [2.0] * 9
    low, high = intervals.of_launches(medians)
    assert low <= np.median(medians) <= high


def test_launches_hold_the_truth_as_often_as_they_should():
    rng = np.random.default_rng(1)
    found = [intervals.of_launches(np.exp(rng.normal(0, 0.03, 5))) for _ in range(TRIALS)]
    held = sum(low <= 1 <= high for low, high in found)
    assert bounds(0.95)[0] <= held <= bounds(0.96)[1]


@pytest.mark.parametrize("count", [6, 8, 12])
@pytest.mark.parametrize("slow", [0.2, 0.3, 0.4])
def test_launches_with_two_paces_hold_the_median_as_often_as_they_should(count, slow):
    """Student's t alone holds it in 0.88 to 0.92 of all runs."""
    rng = np.random.default_rng(count)
    middle = np.median(rng.normal(0, 0.01, 100_000) + 0.2 * (rng.random(100_000) < slow))
    found = [rng.normal(0, 0.01, count) + 0.2 * (rng.random(count) < slow) for _ in range(TRIALS)]
    held = sum(low <= np.exp(middle) <= high for low, high in (intervals.of_launches(np.exp(logs)) for logs in found))
    assert held >= bounds(0.95)[0]


def test_mean_agrees_with_scipy():
    values = np.random.default_rng(2).normal(size=9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert intervals.mean_of(values) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval_of_its_mean():
    assert np.isnan(intervals.mean_of([1.0])).all()


def test_ratio_by_hand():
    low, high = intervals.of_ratio((6.0, 6.0 / math.exp(0.3), 6.0 * math.exp(0.6)), (2.0, 2.0, 2.0 * math.exp(0.4)))
    assert low == pytest.approx(3 * math.exp(-0.5))
    assert high == pytest.approx(3 * math.exp(0.6))


def test_ratio_of_an_unknown_interval_is_unknown():
    low, high = intervals.of_ratio((6.0, math.nan, math.nan), (2.0, 1.9, 2.1))
    assert math.isnan(low)
    assert math.isnan(high)


def test_ratio_holds_the_truth_at_least_as_often_as_it_should():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(TRIALS):
        sides = [np.exp(rng.normal(0, 0.03, 5)) for _ in range(2)]
        low, high = intervals.of_ratio(*((float(np.median(m)), *intervals.of_launches(m)) for m in sides))
        held += low <= 1 <= high
    assert held >= bounds(0.95)[0]
