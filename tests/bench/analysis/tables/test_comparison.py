"""Planted ratios, rankings and exponents come back; a winner is named only where the data decide."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis import load
from bench.analysis.tables import comparison
from tests.bench.analysis.equal_backends import NOISES, Noise, false_names, named, page
from tests.bench.analysis.synthetic import cell, write_launch, write_launches

PAGES = 30


def exact(seconds: float) -> list[float]:
    """Rounds that leave no doubt."""
    return [seconds] * 9


VAGUE = (0.9, 1.0, 1.1)
"""What three launches may make of one time."""


def table(raw, times, launches=(1.0, 1.0, 1.0), **changes):
    """Launches in turns; `times` maps backend -> workload -> seconds or an ending, and each launch has its factor."""
    for number, factor in enumerate(launches):
        for backend, workloads in times.items():
            ends = {name: end if isinstance(end, tuple) else exact(end * factor) for name, end in workloads.items()}
            write_launch(raw, [(cell(n, **changes), end) for n, end in ends.items()], backend=backend, launch=number)
    loaded = load([raw / "run"])
    assert loaded.problems == []
    return loaded


def verdicts(loaded):
    compared = comparison.ratios(loaded)
    return dict(zip(compared["backend"], compared["verdict"], strict=True))


def test_ratios(tmp_path):
    loaded = table(tmp_path, {"jax": {"a": 2.0}, "torch": {"a": 3.0}, "tensorflow": {"a": 8.0}})
    compared = comparison.ratios(loaded).set_index("backend")
    assert compared["fastest"].unique().tolist() == ["jax"]
    assert compared["ratio"].to_dict() == {"jax": 1.0, "torch": 1.5, "tensorflow": 4.0}
    assert compared["verdict"].to_dict() == {"jax": "fastest", "torch": "slower", "tensorflow": "slower"}


def test_the_interval_of_a_ratio_by_hand(tmp_path):
    """One cell, two backends: all its noise is the launches' own, with two degrees of freedom from each backend."""
    loaded = table(tmp_path, {"jax": {"a": 2.0}, "torch": {"a": 3.0}}, VAGUE)
    row = comparison.ratios(loaded).set_index("backend").loc["torch"]
    variance = np.var(np.log(VAGUE), ddof=1)
    half = stats.t.isf(0.05 / 4, 4) * math.sqrt(variance * 2 / 3)
    assert row["ratio_low"] == pytest.approx(1.5 * math.exp(-half))
    assert row["ratio_high"] == pytest.approx(1.5 * math.exp(half))


def test_overlapping_backends_are_undecided(tmp_path):
    loaded = table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": 1.05}, "tensorflow": {"a": 9.0}}, VAGUE)
    assert verdicts(loaded) == {"jax": "undecided", "torch": "undecided", "tensorflow": "slower"}


def test_equal_times_are_undecided(tmp_path):
    found = verdicts(table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": 1.0}}))
    assert found == {"jax": "undecided", "torch": "undecided"}


@pytest.mark.parametrize("launches", [1, 2])
def test_with_fewer_than_three_launches_nothing_is_called_fastest(tmp_path, launches):
    loaded = table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": 9.0}}, (1.0,) * launches)
    assert verdicts(loaded) == {"jax": "undecided", "torch": "undecided"}
    assert comparison.ranking(loaded)["verdict"].tolist() == ["undecided", "undecided"]
    assert np.isnan(comparison.ratios(loaded).set_index("backend").loc["torch", "ratio_low"])


def test_a_backend_may_be_alone(tmp_path):
    assert verdicts(table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": ("failed", "")}})) == {"jax": "alone"}


@pytest.mark.parametrize("changes", [{"device": "gpu"}, {"machine": "laptop"}])
def test_only_like_is_compared_with_like(tmp_path, changes):
    write_launches(tmp_path, [(cell(), exact(1.0))])
    write_launches(tmp_path, [(cell(), exact(2.0))], backend="torch", **changes)
    assert verdicts(load([tmp_path / "run"])) == {"jax": "alone", "torch": "alone"}


def test_what_was_measured_one_after_the_other_is_not_compared(tmp_path):
    write_launches(tmp_path, [(cell(), exact(1.0))])
    write_launches(tmp_path, [(cell(), exact(2.0))], backend="torch", hours=1)
    loaded = load([tmp_path / "run"])
    assert verdicts(loaded) == {"jax": "apart", "torch": "apart"}
    assert comparison.ranking(loaded)["verdict"].tolist() == ["apart", "apart"]
    assert comparison.ratios(loaded)["ratio"].tolist() == [1.0, 2.0]


def test_what_was_measured_in_two_runs_is_not_compared(tmp_path):
    write_launches(tmp_path, [(cell(), exact(1.0))], run="one")
    write_launches(tmp_path, [(cell(), exact(2.0))], backend="torch", run="two")
    assert verdicts(load([tmp_path / "one", tmp_path / "two"])) == {"jax": "apart", "torch": "apart"}


def test_one_backend_of_three_out_of_turn_leaves_nothing_to_claim(tmp_path):
    table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": 2.0}})
    write_launches(tmp_path, [(cell("a"), exact(9.0))], backend="tensorflow", hours=1)
    assert set(verdicts(load([tmp_path / "run"])).values()) == {"apart"}


def test_of_two_runs_the_newer_is_compared(tmp_path):
    write_launch(tmp_path, [(cell(), exact(1.0)), (cell("once"), exact(1.0))], run="z-old")
    write_launch(tmp_path, [(cell(), exact(4.0))], run="a-new", hours=1)
    write_launch(tmp_path, [(cell(), exact(2.0))], run="a-new", backend="torch")
    loaded = load([tmp_path / "z-old", tmp_path / "a-new"])
    assert len(loaded.frame) == 4
    assert comparison.ratios(loaded).set_index(["workload", "backend"])["median_s"].to_dict() == {
        ("once", "jax"): 1.0,
        ("rms_norm", "jax"): 4.0,
        ("rms_norm", "torch"): 2.0,
    }


# Families.


def ranked(loaded):
    return comparison.ranking(loaded).set_index("backend")


def test_ranking_is_the_geometric_mean_over_workloads(tmp_path):
    found = ranked(table(tmp_path, {"jax": dict.fromkeys("abc", 1.0), "torch": {"a": 2.0, "b": 4.0, "c": 8.0}}))
    half = 4.302652729911275 * math.log(2) / math.sqrt(3)
    assert found.index.tolist() == ["jax", "torch"]
    assert found.loc["torch", "ratio"] == pytest.approx(4)
    assert found.loc["torch", "ratio_low"] == pytest.approx(4 * math.exp(-half))
    assert found.loc["torch", "ratio_high"] == pytest.approx(4 * math.exp(half))
    assert found["workloads"].tolist() == [3, 3]


def test_a_workload_counts_once_however_many_sizes_it_has(tmp_path):
    for backend, factor in (("jax", 1.0), ("torch", 2.0)):
        results = [(cell("a", size=size), exact(factor)) for size in ("small", "medium", "large")]
        write_launches(tmp_path, [*results, (cell("b"), exact(factor**4))], backend=backend)
    assert ranked(load([tmp_path / "run"])).loc["torch", "ratio"] == pytest.approx(2**2.5)


def test_ranking_uses_only_what_all_backends_have(tmp_path):
    torch = {"a": 3.0, "b": ("failed", ""), "c": 3.0}
    found = ranked(table(tmp_path, {"jax": dict.fromkeys("abc", 1.0), "torch": torch}))
    assert found.loc["torch", "ratio"] == pytest.approx(3)
    assert (found.loc["torch", "workloads"], found.loc["torch", "all_workloads"]) == (2, 3)


def test_backends_without_a_common_workload_are_undecided(tmp_path):
    found = ranked(table(tmp_path, {"jax": {"a": 1.0}, "torch": {"b": 9.0}}))
    assert found["verdict"].tolist() == ["undecided", "undecided"]
    assert found["workloads"].tolist() == [0, 0]
    assert np.isnan(found.loc["torch", "ratio"])


def test_yardsticks_and_sweeps_do_not_rank(tmp_path):
    for backend, factor in (("jax", 1.0), ("torch", 2.0)):
        results = [
            (cell("a"), exact(factor)),
            (cell("a", size="tokens=64"), exact(1.0)),
            (cell("native_a"), exact(1.0)),
            (cell("matmul", family="machine"), exact(1.0)),
        ]
        write_launches(tmp_path, results, backend=backend)
    found = ranked(load([tmp_path / "run"]))
    assert found["family"].unique().tolist() == ["normalization"]
    assert found.loc["torch", "ratio"] == pytest.approx(2)


def test_a_workload_that_has_only_a_sweep_does_rank(tmp_path):
    loaded = table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": 2.0}}, size="tokens=64")
    assert ranked(loaded).loc["torch", "ratio"] == pytest.approx(2)


@pytest.mark.parametrize(("launches", "verdict"), [((1.0, 1.0, 1.0), "fastest"), (VAGUE, "undecided")])
def test_one_workload_is_as_sure_as_its_cell(tmp_path, launches, verdict):
    loaded = table(tmp_path, {"jax": {"a": 1.0}, "torch": {"a": 1.1}}, launches)
    assert ranked(loaded).loc["jax", "verdict"] == verdict


def test_what_launches_share_does_not_shrink_with_the_workloads(tmp_path):
    """All cells of a launch move together: twenty workloads know a family no better than two."""
    lows = []
    for count in (2, 20):
        of_jax = {f"w{i}": 1.0 for i in range(count)}
        of_torch = dict.fromkeys(of_jax, 2.0)
        found = ranked(table(tmp_path / str(count), {"jax": of_jax, "torch": of_torch}, VAGUE))
        lows.append(found.loc["torch", "ratio_low"])
    assert lows[1] == pytest.approx(lows[0])


def test_workloads_that_disagree_are_undecided(tmp_path):
    loaded = table(tmp_path, {"jax": dict.fromkeys("abc", 1.0), "torch": {"a": 3.0, "b": 0.5, "c": 1.0}})
    assert ranked(loaded)["verdict"].tolist() == ["undecided", "undecided"]


# Equal backends.


@pytest.mark.parametrize("name", NOISES)
def test_pages_of_equal_backends_rarely_name_one(name):
    """At most one page in twenty may name a backend for any cell or family."""
    *_, pages = false_names(NOISES[name], PAGES, seed=0, workloads=3)
    assert pages <= stats.binom.ppf(0.99, PAGES, 0.05)


def test_a_backend_that_is_a_fifth_faster_is_named():
    found = [named(page(Noise(), np.random.default_rng(seed), speeds={"jax": 1 / 1.2})) for seed in range(5)]
    cells, families = np.mean(found, axis=0) / (72, 12)
    assert cells > 0.3
    assert families > 0.9


def test_sessions_one_after_the_other_name_nothing():
    loaded = page(Noise(drift=0.1), np.random.default_rng(0), speeds={"jax": 0.1}, in_turns=False)
    assert named(loaded) == (0, 0)


# Scaling.


def sweep(raw, seconds, sizes, **changes):
    floor = (cell("tiny"), exact(1e-6))
    results = [(cell("a", size=f"tokens={n}", **changes), exact(seconds(n))) for n in sizes]
    write_launch(raw, [floor, *results])
    return load([raw / "run"]).frame


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_a_power_law_comes_back(tmp_path, exponent):
    (fit,) = comparison.scaling(sweep(tmp_path, lambda n: 1e-4 * n**exponent, (64, 128, 256, 512))).to_dict("records")
    assert fit["exponent"] == pytest.approx(exponent)
    assert fit["exponent_low"] == pytest.approx(exponent)
    assert (fit["axis"], fit["points"], fit["from_size"]) == ("tokens", 4, 64)


def test_the_interval_of_an_exponent_agrees_with_statistics_by_hand(tmp_path):
    sizes, noise = np.array([64, 128, 256, 512]), np.array([0.1, -0.1, -0.1, 0.1])
    times = dict(zip(sizes, 1e-3 * sizes * np.exp(noise), strict=True))
    (fit,) = comparison.scaling(sweep(tmp_path, times.get, sizes)).to_dict("records")
    x = np.log(sizes) - np.log(sizes).mean()
    half = 4.302652729911275 * math.sqrt((noise**2).sum() / 2 / (x**2).sum())
    assert fit["exponent"] == pytest.approx(1)
    assert fit["exponent_low"] == pytest.approx(1 - half)
    assert fit["exponent_high"] == pytest.approx(1 + half)


def test_sizes_near_the_floor_take_no_part(tmp_path):
    frame = sweep(tmp_path, lambda n: 4e-6 if n < 256 else 1e-4 * n**2, (64, 128, 256, 512, 1024))
    (fit,) = comparison.scaling(frame).to_dict("records")
    assert fit["exponent"] == pytest.approx(2)
    assert (fit["points"], fit["from_size"]) == (3, 256)


def test_two_sizes_are_no_sweep(tmp_path):
    assert comparison.scaling(sweep(tmp_path, lambda n: 1e-4 * n, (64, 128))).empty


def test_a_failed_size_is_left_out(tmp_path):
    sweep(tmp_path, lambda n: 1e-4 * n, (64, 128, 256))
    write_launch(tmp_path, [(cell("a", size="tokens=512"), ("out_of_memory", ""))], launch=1)
    assert comparison.scaling(load([tmp_path / "run"]).frame)["points"].tolist() == [3]


# Whole runs.


def test_an_empty_table_gives_empty_answers():
    loaded = load([])
    for answer in (comparison.ratios, comparison.ranking):
        assert answer(loaded).empty
    assert comparison.scaling(loaded.frame).empty


def test_unlike_runs_are_named(tmp_path):
    write_launch(tmp_path, [(cell(), exact(1.0))])
    write_launch(tmp_path, [(cell(), exact(1.0))], backend="torch", threads=8, settings={"profile": "full"})
    assert comparison.unlike(load([tmp_path / "run"]).launches) == [
        "threads differs on testbox, cpu: 2 (jax); 8 (torch)",
        "profile differs on testbox, cpu: full (torch); smoke (jax)",
    ]


def test_like_runs_are_not_named(tmp_path):
    write_launch(tmp_path, [(cell(), exact(1.0))])
    write_launch(tmp_path, [(cell(), exact(1.0))], backend="torch")
    write_launch(tmp_path, [(cell(), exact(1.0))], backend="torch", run="elsewhere", machine="laptop", threads=8)
    assert comparison.unlike(load([tmp_path / "run", tmp_path / "elsewhere"]).launches) == []
