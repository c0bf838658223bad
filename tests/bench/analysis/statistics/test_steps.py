"""Steps: those planted are found where they are, noise has none, and only a rise that is still there is open."""

import math

import numpy as np
import pytest
import ruptures
from scipy import stats

from bench.analysis.statistics import steps

POINTS = 60
NOISE = 0.02
LIKELY = 0.999


def white(rng, points=POINTS):
    return rng.normal(0, NOISE, points)


def alike(rng, points=POINTS, r=0.5):
    """Neighbours have the correlation `r`."""
    logs = rng.normal(0, NOISE, 50 + points) * math.sqrt(1 - r**2)
    for place in range(1, len(logs)):
        logs[place] += r * logs[place - 1]
    return logs[50:]


def very_alike(rng):
    return alike(rng, r=0.8)


def with_outliers(rng, points=POINTS):
    return white(rng, points) + (rng.random(points) < 0.05) * rng.exponential(0.2, points)


def rather_alike(rng, points=POINTS):
    return alike(rng, points, 0.7)


def two_speeds(share, gap, stay=1.0):
    """A maker of series of which `share` is slower by `gap`, `stay` points at a time on average."""

    def make(rng, points=POINTS):
        slower = [bool(rng.random() < share)]
        while len(slower) < points:
            slower.append(bool(rng.random() < share) if rng.random() < 1 / stay else slower[-1])
        return white(rng, points) + math.log1p(gap) * np.array(slower)

    make.__name__ = f"{share:.0%} slower by {gap:.0%}, {stay:g} at a time"
    return make


KINDS = (
    *(white, alike, rather_alike, with_outliers),
    *(two_speeds(share, 0.2) for share in (0.2, 0.3, 0.5, 0.7)),
    *(two_speeds(0.3, 0.4), two_speeds(0.3, 0.1), two_speeds(0.5, 0.2, 3), two_speeds(0.5, 0.2, 6)),
)


def stepped(rng, change, after, noise=white):
    """`change` lasts for the newest `after` points."""
    return noise(rng) + math.log1p(change) * (np.arange(POINTS) >= POINTS - after)


def false_alarms(noise, count, points=100, seed=2):
    """Series of equal code, out of `count`, that end with an alarm."""
    rng = np.random.default_rng(seed)
    return sum(any(step.is_open for step in own) for own in found([noise(rng, points) for _ in range(count)]))


def rises_found(noise, count, after=10, change=0.1, seed=1):
    """Series, out of `count`, whose planted rise is an alarm, within three commits of its place."""
    rng = np.random.default_rng(seed)
    series = [stepped(rng, change, after, noise) for _ in range(count)]
    return sum(any(step.is_open and abs(step.at - (POINTS - after)) <= 3 for step in own) for own in found(series))


def found(series):
    return [steps.steps(course) for course in steps.courses(series)]


def open_rises(*levels):
    """The places of the open rises of a series that has these levels, in percent, for ten points each."""
    logs = np.log1p(np.repeat(levels, 10) / 100) + np.tile([0.001, -0.001], 5 * len(levels))
    return [step.at for step in found([logs])[0] if step.is_open]


# What is found.


def by_ruptures(logs):
    """The same recipe, by ruptures' own search."""

    def search(scale, price):
        return [0, *ruptures.Pelt(model="l1", min_size=3, jump=1).fit(logs / scale).predict(price)[:-1]]

    price = 2 * math.log(len(logs))
    from_neighbours = stats.median_abs_deviation(np.diff(logs), scale="normal") / math.sqrt(2)
    parts = np.split(logs, search(from_neighbours, price)[1:])
    residuals = np.concatenate([part - np.median(part) for part in parts])
    scale = max(from_neighbours, stats.median_abs_deviation(residuals, scale="normal"))
    residuals = np.clip(residuals, -3 * scale, 3 * scale)
    r = residuals[1:] @ residuals[:-1] / (residuals @ residuals)
    r = min(r + (1 + 3 * r) / len(logs), 0.9) if r > 0.2 else 0
    return search(scale, price * (1 + r) / (1 - r))


def test_the_levels_are_those_of_ruptures():
    rng = np.random.default_rng(0)
    noises = (white, alike, very_alike, with_outliers)
    series = [noise(rng)[: rng.integers(6, POINTS + 1)] for noise in noises for _ in range(25)]
    for logs in series:
        logs += rng.choice([0, 0.05, 0.2]) * (np.arange(len(logs)) >= rng.integers(0, len(logs)))
        logs -= rng.choice([0, 0.1]) * (np.arange(len(logs)) >= rng.integers(0, len(logs)))
    expected = [by_ruptures(logs) for logs in series]
    assert steps.levels(series) == expected
    assert sum(len(starts) > 1 for starts in expected) > 25


@pytest.mark.parametrize(
    ("change", "after", "power"), [(0.10, 4, 0.97), (0.10, 6, 0.99), (0.05, 6, 0.58), (0.05, 10, 0.87)]
)
def test_a_planted_rise_is_open_within_two_commits_of_its_place(change, after, power):
    rng = np.random.default_rng(1)
    hits = [
        any(step.is_open and abs(step.at - (POINTS - after)) <= 2 for step in own)
        for own in found([stepped(rng, change, after) for _ in range(300)])
    ]
    assert sum(hits) >= stats.binom.ppf(1 - LIKELY, len(hits), power)


@pytest.mark.parametrize(("noise", "rate"), [(white, 0.002), (alike, 0.02), (with_outliers, 0.005)])
def test_noise_raises_few_alarms(noise, rate):
    rng = np.random.default_rng(2)
    alarms = [any(step.is_open for step in own) for own in found([noise(rng) for _ in range(500)])]
    assert sum(alarms) <= stats.binom.ppf(LIKELY, len(alarms), rate)


@pytest.mark.parametrize("noise", [rather_alike, with_outliers, *KINDS[4:]], ids=lambda noise: noise.__name__)
def test_a_hundred_commits_raise_alarms_in_at_most_one_percent_of_cells(noise):
    assert false_alarms(noise, 150) <= stats.binom.ppf(LIKELY, 150, 0.01)


@pytest.mark.parametrize(
    "noise", [rather_alike, with_outliers, *KINDS[4:9], KINDS[10]], ids=lambda noise: noise.__name__
)
def test_a_rise_by_ten_percent_is_found_within_ten_commits(noise):
    assert rises_found(noise, 100) >= stats.binom.ppf(1 - LIKELY, 100, 0.9)


def test_a_level_that_was_there_before_several_times_is_known_and_no_alarm():
    levels = [0, 10, 0, 10, 0, 10]
    logs = np.log1p(np.repeat(levels, 10) / 100) + np.tile([0.001, -0.001], 30)
    *_, last = found([logs])[0]
    assert (last.at, last.is_open, last.is_known) == (50, False, True)
    higher = np.concatenate([logs, np.full(10, math.log1p(0.2))])
    assert [step.at for step in found([higher])[0] if step.is_open] == [60]


def test_a_longer_history_raises_no_more():
    rng = np.random.default_rng(3)
    alarms = [any(step.is_open for step in own) for own in found(rng.normal(0, NOISE, (300, 200)))]
    assert sum(alarms) <= stats.binom.ppf(LIKELY, len(alarms), 0.002)


def test_each_series_is_searched_on_its_own():
    rng = np.random.default_rng(4)
    series = [stepped(rng, 0.1, 20)[: rng.integers(1, POINTS + 1)] * scale for scale in (1, 5) for _ in range(200)]
    assert steps.levels(series) == [steps.levels([logs])[0] for logs in series]


def test_the_unit_of_time_does_not_matter():
    logs = stepped(np.random.default_rng(5), 0.1, 20)
    assert steps.levels([logs]) == steps.levels([logs + math.log(1000)])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_few_points_are_one_level(count):
    assert steps.levels([np.arange(count, dtype=float)]) == [[0]]


def test_no_series_has_no_levels():
    assert steps.levels([]) == []


def test_equal_times_are_one_level():
    assert steps.levels([np.zeros(20)]) == [[0]]


def test_a_step_without_noise():
    (own,) = found([np.repeat([0.0, 0.5], 10)])
    assert own == [steps.Step(10, 0.0, 0.5, True)]


# Which of it is open.


def test_a_rise_that_is_still_there_is_open():
    assert open_rises(0, 10) == [10]


def test_a_rise_that_recovered_is_not():
    assert open_rises(0, 10, 0) == []


def test_back_within_three_percent_is_recovered():
    assert open_rises(0, 10, 2) == []
    assert open_rises(0, 10, 5) == [10]


def test_what_recovered_once_does_not_open_again():
    assert open_rises(0, 10, 0, 10) == [30]


def test_a_small_rise_is_not_open_however_certain():
    assert len(steps.levels([np.repeat([0.0, 0.02], 10)])[0]) == 2
    assert open_rises(0, 2.5) == []
    assert open_rises(0, 3.5) == [10]


def test_a_fall_is_not_open():
    assert open_rises(10, 0) == []


def test_two_rises_are_two():
    assert open_rises(0, 10, 20) == [10, 20]


# Two speeds.


def test_a_series_of_two_speeds_is_searched_as_at_the_faster_one():
    rng = np.random.default_rng(6)
    slower = rng.random(POINTS) < 0.4
    (course,) = steps.courses([rng.normal(0, 0.005, POINTS) + 0.2 * slower])
    assert course.starts == [0]
    assert np.abs(course.logs).max() < 0.03


@pytest.mark.parametrize("noise", [white, alike, rather_alike, with_outliers])
def test_one_speed_is_not_taken_for_two(noise):
    rng = np.random.default_rng(7)
    series = [stepped(rng, 0.1, 15, noise) for _ in range(100)]
    assert sum(course.logs is logs for course, logs in zip(steps.courses(series), series, strict=True)) >= 85


def ever_alarmed(noise, count, every=4, seed=2):
    """Series of equal code, out of `count`, that have an alarm after any fourth of a hundred commits."""
    rng = np.random.default_rng(seed)
    series = [noise(rng, 100) for _ in range(count)]
    ever = set()
    for points in range(20, 101, every):
        of_each = enumerate(found([logs[:points] for logs in series]))
        ever |= {place for place, own in of_each if any(step.is_open for step in own)}
    return len(ever)


def main() -> None:
    """Prints how often the search is wrong: python -m tests.bench.analysis.statistics.test_steps"""
    print("| noise | alarms after 100 commits, in % | at some time until then | +10 % found after 5, 10, 20 commits |")
    print("|---|---:|---:|---:|")
    for noise in KINDS:
        told = ", ".join(f"{rises_found(noise, 300, after) / 3:.0f}" for after in (5, 10, 20))
        end, ever = false_alarms(noise, 1000) / 10, ever_alarmed(noise, 200) / 2
        print(f"| {noise.__name__.replace('_', ' ')} | {end:.1f} | {ever:.1f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
