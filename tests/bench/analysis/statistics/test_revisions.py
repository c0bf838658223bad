"""The decisions of a comparison, by simulation: planted effects are found, equal code is not accused."""

import gc
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from bench.analysis.statistics import revisions, version_verdicts
from bench.analysis.statistics.revisions import CONFIRM_PAIRS, LOOK_PAIRS, SCREEN_PAIRS, judge
from bench.analysis.statistics.stored_sessions import judge as judge_stored
from bench.commandline import EXIT_CODES, FOUND, INCOMPLETE, OK, UNDECIDED
from tests.bench.analysis import pairs_made_up

CELLS = 30
RUNS = 40


@pytest.fixture(autouse=True, scope="module")
def little_garbage():
    """statsmodels collects garbage at each correction, and would look through all objects of the frameworks."""
    gc.freeze()
    yield
    gc.unfreeze()


class Machine:
    """Launches of many cells: a drifting machine, processes that differ, now and then an outlier."""

    def __init__(
        self, seed: int, *, process: float = 0.015, drift: float = 0.0, outliers: float = 0.0, tails: int = 0
    ):
        self.random = np.random.default_rng(seed)
        self.process, self.drift, self.outliers, self.tails = process, drift, outliers, tails
        self.level = 0.0

    def launch(self, cells: int, effects: dict[int, float]) -> np.ndarray:
        """The logarithm of each cell's time."""
        noise = self.random.standard_t(self.tails, cells) if self.tails else self.random.standard_normal(cells)
        own = self.process * noise + self.process * self.random.standard_normal()
        outlier = (self.random.random(cells) < self.outliers) * self.random.normal(0, 0.3, cells)
        effect = np.array([effects.get(cell, 0.0) for cell in range(cells)])
        return self.level + own + outlier + effect

    def pairs(self, count: int, effects: dict[int, float]) -> np.ndarray:
        """The difference of each pair and cell; the drift moves on between pairs, as both sides measure in turns."""
        found = []
        for _ in range(count):
            self.level = 0.9 * self.level + self.drift * self.random.standard_normal()
            found.append(self.launch(CELLS, effects) - self.launch(CELLS, {}))
        return np.array(found)


def compare(machine: Machine, effects: dict[int, float]) -> dict[int, str]:
    screened = dict(enumerate(machine.pairs(SCREEN_PAIRS, effects).T))
    flagged = [cell for cell, d in screened.items() if revisions.is_flagged(d)]
    new = machine.pairs(CONFIRM_PAIRS, effects).T
    goes_on = any(revisions.is_promising(new[cell][:LOOK_PAIRS]) for cell in flagged)
    confirmed = {cell: new[cell][: CONFIRM_PAIRS if goes_on else LOOK_PAIRS] for cell in flagged}
    return {cell: found.verdict for cell, found in judge(screened, confirmed, {}, {}).items()}


def at_most(rate: float, tries: int) -> int:
    return int(stats.binom.ppf(0.999, tries, rate))


@pytest.mark.parametrize(
    "noise",
    [{}, {"process": 0.04}, {"drift": 0.05}, {"outliers": 0.05}, {"tails": 3}],
    ids=["quiet", "noisy processes", "drift", "outliers", "heavy tails"],
)
def test_equal_code_is_rarely_accused(noise):
    accused = 0
    for seed in range(RUNS):
        verdicts = compare(Machine(seed, **noise), {})
        accused += any(verdict in ("slower", "faster") for verdict in verdicts.values())
    assert accused <= at_most(version_verdicts.ALPHA, RUNS)


def test_rounds_taken_for_replicates_would_accuse_equal_code():
    """The check above can fail: many rounds of one pair, each process with its own level, are no evidence."""
    accused = 0
    for seed in range(RUNS):
        machine = Machine(seed, process=0.03)
        level = machine.launch(1, {}) - machine.launch(1, {})
        rounds = level + machine.random.normal(0, 0.01, CONFIRM_PAIRS)
        found = judge({0: rounds[:SCREEN_PAIRS]}, {0: rounds}, {}, {})
        accused += found[0].verdict != "same"
    assert accused > at_most(version_verdicts.ALPHA, RUNS)


@pytest.mark.parametrize(("percent", "word"), [(10, "slower"), (5, "slower"), (-5, "faster")])
@pytest.mark.parametrize("noise", [{}, {"drift": 0.05}, {"outliers": 0.02}], ids=["quiet", "drift", "outliers"])
def test_a_planted_effect_is_found_and_nobody_else_accused(percent, word, noise):
    effects = {3: math.log(1 + percent / 100)}
    found, accused = 0, 0
    for seed in range(RUNS):
        verdicts = compare(Machine(seed, process=0.01, **noise), effects)
        found += verdicts[3] == word
        accused += any(verdict in ("slower", "faster") for cell, verdict in verdicts.items() if cell != 3)
    assert found >= stats.binom.ppf(0.001, RUNS, 0.9)
    assert accused <= at_most(version_verdicts.ALPHA, RUNS)


def test_what_is_called_detectable_is_detected_four_times_in_five():
    found = 0
    for seed in range(RUNS):
        machine = Machine(seed, process=0.02)
        one = judge(dict(enumerate(machine.pairs(SCREEN_PAIRS, {}).T)), {}, {}, {})
        detectable = float(np.median([verdict.detectable for verdict in one.values()]))
        found += compare(Machine(seed + 1000, process=0.02), {0: math.log(detectable)})[0] == "slower"
    assert stats.binom.ppf(0.001, RUNS, 0.7) <= found < RUNS


def test_small_effects_are_the_same_and_large_noise_is_undecided():
    quiet = np.array([0.01, 0.012, 0.008, 0.011, 0.009])
    noisy = np.array([0.08, -0.09, 0.02, -0.05, 0.07])
    verdicts = judge({"quiet": quiet, "noisy": noisy}, {}, {}, {})
    assert verdicts["quiet"].verdict == "same"
    assert verdicts["noisy"].verdict == "undecided"
    assert verdicts["quiet"].ratio == pytest.approx(math.exp(0.01))
    low, high = stats.t.interval(0.95, 4, np.mean(quiet), stats.sem(quiet))
    assert (verdicts["quiet"].ci_low, verdicts["quiet"].ci_high) == pytest.approx((math.exp(low), math.exp(high)))
    assert verdicts["quiet"].detectable < verdicts["noisy"].detectable


def test_the_screen_does_not_count_towards_the_confirmation():
    screened = {0: np.full(SCREEN_PAIRS, 0.1) + 1e-3 * np.arange(SCREEN_PAIRS)}
    back_to_equal = np.array([0.001, -0.002, 0.003, -0.001, 0.002, -0.003])
    verdict = judge(screened, {0: back_to_equal}, {}, {})[0]
    assert (verdict.verdict, verdict.pairs) == ("same", LOOK_PAIRS)


def test_a_difference_whose_interval_includes_none_is_undecided():
    d = np.array([-0.003, -0.002, -0.001, *np.linspace(0.05, 0.07, CONFIRM_PAIRS - 3)])
    verdict = judge({0: d[-SCREEN_PAIRS:]}, {0: d}, {}, {})[0]
    assert verdict.p_value <= version_verdicts.ALPHA
    assert (verdict.ci_low < 1, verdict.verdict) == (True, "undecided")


def test_the_confirmation_is_corrected_for_all_that_were_flagged():
    random = np.random.default_rng(0)
    d = random.uniform(0.02, 0.05, CONFIRM_PAIRS) * np.where(np.arange(CONFIRM_PAIRS) < 2, -0.5, 1)
    noise = random.normal(0, 0.05, (150, CONFIRM_PAIRS))
    alone, among_others = (revisions.joint_p([d, *others])[0] for others in ([], noise))
    exact = stats.permutation_test((d,), np.mean, permutation_type="samples", vectorized=True, axis=-1)
    assert alone == pytest.approx(exact.pvalue)
    assert alone <= version_verdicts.ALPHA < among_others


def test_an_exact_p_value_counts_the_changes_of_sign_whose_largest_score_is_as_large():
    random = np.random.default_rng(0)
    d = random.uniform(0.5, 1, (4, 6)) * random.choice([-1, 1, 1, 1], (4, 6))
    strength = {signs: np.abs(d @ signs) / np.linalg.norm(d, axis=1) for signs in itertools.product([1, -1], repeat=6)}
    observed = strength[(1,) * 6]
    expected, running = np.zeros(4), 0.0
    for rank, cell in enumerate(np.argsort(-observed)):
        left = np.argsort(-observed)[rank:]
        largest = [max(of_cells[left]) for of_cells in strength.values()]
        running = max(running, np.mean(np.array(largest) >= observed[cell] - 1e-12))
        expected[cell] = running
    assert np.abs(d).max() < revisions.FARTHEST * np.median(np.abs(d), axis=1).min(), "nothing may be cut off here"
    assert revisions.joint_p(d) == pytest.approx(expected)


@pytest.mark.parametrize("cells", [2, 21, 200, 2000])
def test_what_slows_all_cells_is_found_however_many_they_are(cells):
    """By ranks and Holm's correction, 21 flagged cells and more could not be confirmed with any effect."""
    d = np.random.default_rng(cells).normal(math.log(1.1), 0.03, (cells, SCREEN_PAIRS + CONFIRM_PAIRS))
    screened, confirmed = (dict(enumerate(part)) for part in (d[:, :SCREEN_PAIRS], d[:, SCREEN_PAIRS:]))
    words = [verdict.verdict for verdict in judge(screened, confirmed, {}, {}).values()]
    assert words.count("slower") >= 0.95 * cells


@pytest.mark.parametrize("share", pairs_made_up.SHARES)
@pytest.mark.parametrize("cells", [30, 300])
def test_ten_percent_are_found_in_whatever_share_of_the_cells(cells, share):
    found, _ = pairs_made_up.power(cells, share, percent=10, noise=0.03, runs=RUNS // 2)
    assert found >= stats.binom.ppf(0.001, RUNS // 2, 0.95) / (RUNS // 2)


@pytest.mark.parametrize("kind", pairs_made_up.KINDS)
@pytest.mark.parametrize("cells", [30, 300])
def test_equal_code_is_rarely_accused_by_whatever_noise(cells, kind):
    runs = 3 * RUNS
    assert pairs_made_up.false_alarms(cells, 0.03, kind, runs) <= at_most(version_verdicts.ALPHA, runs)


def test_a_test_of_normal_noise_would_accuse_processes_of_two_speeds():
    """The check above can fail: t tests, corrected by Holm, take a run of slow processes for a slower head."""
    accused = 0
    for seed in range(5 * RUNS):
        machine = pairs_made_up.Machine(np.random.default_rng(seed), 0.03, "one of two speeds each")
        speeds = machine.random.choice([-0.09, 0.09], (300, CONFIRM_PAIRS))
        d = speeds + machine.random.normal(0, 0.003, speeds.shape)
        p_values = stats.ttest_1samp(d, 0, axis=1).pvalue
        accused += p_values.min() * len(d) <= version_verdicts.ALPHA
    assert accused > at_most(version_verdicts.ALPHA, 5 * RUNS)


def test_the_simulation_uses_the_rule_that_judges():
    effects = np.repeat([0.0, 0.03, 0.1], 10)
    called = 0
    for seed in range(10):
        machine = pairs_made_up.Machine(np.random.default_rng(seed), 0.02, "outlying")
        d, new = machine.pairs(SCREEN_PAIRS, effects), machine.pairs(CONFIRM_PAIRS, effects)
        confirmed = {cell: new[cell] for cell in np.flatnonzero(revisions.is_flagged(d))}
        verdicts = judge(dict(enumerate(d)), confirmed, {}, {})
        expected = [verdicts[cell].verdict in ("slower", "faster") for cell in range(len(effects))]
        assert pairs_made_up.slower_cells(d, new).tolist() == expected
        called += sum(expected)
    assert called > 100


def test_a_noise_floor_raises_what_is_called_a_difference():
    d = np.linspace(0.04, 0.06, CONFIRM_PAIRS)
    screened = {0: d[:SCREEN_PAIRS]}
    assert judge(screened, {0: d}, {0: 0.01}, {})[0].verdict == "slower"
    assert judge(screened, {0: d}, {0: 0.03}, {})[0].verdict == "undecided"


def test_the_noise_floor_is_the_effect_that_equal_code_shows():
    d = np.random.default_rng(0).normal(0, 0.02, 1000)
    expected = 1.96 * 1.2533 * 0.02 / math.sqrt(CONFIRM_PAIRS)  # the normal law of a median
    assert revisions.noise_floor(d) == pytest.approx(expected, rel=0.15)
    assert revisions.noise_floor(d + 0.5) > 0.2


def test_a_cell_without_enough_pairs_is_undecided_with_the_reason():
    d = np.full(SCREEN_PAIRS, 0.2) + 1e-3 * np.arange(SCREEN_PAIRS)
    verdicts = judge({0: d[:4], 1: d, 2: []}, {1: d[:3]}, {}, {0: "crashed in head: SIGKILL"})
    assert [verdicts[cell].verdict for cell in range(3)] == ["undecided"] * 3
    assert verdicts[0].reason == "crashed in head: SIGKILL"
    assert verdicts[1].reason == verdicts[2].reason == "too few pairs of launches"


def test_a_launch_speaks_with_its_lower_quartile():
    assert version_verdicts.speak([3.0, *[1.0] * 5, *[2.0] * 5]) == 1.0
    assert version_verdicts.speak(np.linspace(0, 1, 9)) == pytest.approx(0.25)


def stored(
    random: np.random.Generator, launches: int, slower: dict[int, float], cells: int = CELLS, session: float = 0.0
) -> dict[int, np.ndarray]:
    """One session; `session` is what equal code differs by from one to the next, as a standard deviation."""
    own = random.normal(0, session, cells)
    return {
        cell: np.exp(own[cell] + slower.get(cell, 0.0) + random.normal(0, 0.02, launches)) for cell in range(cells)
    }


def test_stored_results_are_compared_over_all_cells():
    accused = found = 0
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        verdicts = judge_stored(stored(random, 8, {}), stored(random, 8, {5: math.log(1.12)}), {})
        found += verdicts[5].verdict == "slower"
        accused += any(v.verdict in ("slower", "faster") for cell, v in verdicts.items() if cell != 5)
    assert found >= stats.binom.ppf(0.001, RUNS, 0.95)
    assert accused <= at_most(version_verdicts.ALPHA, RUNS)


@pytest.mark.parametrize("launches", [3, 8])
@pytest.mark.parametrize("session", [0.0, 0.02, 0.1])
def test_sessions_of_equal_code_are_rarely_accused(launches, session):
    """Welch's test alone, which knows the launches of a session only, accuses nearly every one with eight launches."""
    accused = 0
    for seed in range(5 * RUNS):
        random = np.random.default_rng(seed)
        verdicts = judge_stored(*(stored(random, launches, {}, 42, session) for _ in range(2)), {})
        accused += any(verdict.verdict in ("slower", "faster") for verdict in verdicts.values())
    assert accused <= at_most(version_verdicts.ALPHA, 5 * RUNS)


@pytest.mark.parametrize("launches", [3, 8])
def test_everything_ten_times_slower_is_slower_with_the_launches_of_the_default_profile(launches):
    random = np.random.default_rng(0)
    slower = dict.fromkeys(range(42), math.log(10))
    verdicts = judge_stored(stored(random, launches, {}, 42, 0.02), stored(random, launches, slower, 42, 0.02), {})
    words = [verdict.verdict for verdict in verdicts.values()]
    assert words.count("slower") >= 40


def test_a_shift_that_another_pace_of_the_machine_explains_is_undecided():
    random = np.random.default_rng(0)
    slower = dict.fromkeys(range(CELLS), math.log(1.3)) | {0: math.log(2.2)}
    verdicts = judge_stored(stored(random, 8, {}), stored(random, 8, slower), {})
    assert verdicts.pop(0).verdict == "slower"
    assert {verdict.verdict for verdict in verdicts.values()} == {"undecided"}


def test_a_few_cells_are_compared_with_an_assumed_spread():
    """Three cells say little of these sessions, so 7 % are not called and 50 % are."""
    random = np.random.default_rng(0)
    effects = {0: 0.0, 1: math.log(1.07), 2: math.log(1.5)}
    verdicts = judge_stored(stored(random, 8, {}, 3), stored(random, 8, effects, 3), {})
    assert [verdicts[cell].verdict for cell in range(3)] == ["same", "undecided", "slower"]


def test_stored_results_with_too_few_launches_give_no_verdict():
    random = np.random.default_rng(0)
    assert judge_stored(stored(random, 2, {}), stored(random, 8, {}), {}) == {}


def test_a_shift_of_all_cells_is_told():
    random = np.random.default_rng(0)
    base, head = stored(random, 8, {}), stored(random, 8, dict.fromkeys(range(CELLS), math.log(1.2)))
    assert version_verdicts.common_shift(judge_stored(base, head, {})) == pytest.approx(1.2, rel=0.01)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([("same", ""), ("faster", "")], OK),
        ([("slower", ""), ("undecided", ""), ("undecided", "crashed in head")], FOUND),
        ([("same", ""), ("undecided", "")], UNDECIDED),
        ([("same", ""), ("undecided", ""), ("undecided", "failed in head: ValueError: no")], INCOMPLETE),
        ([("same", ""), ("undecided", "not in B")], INCOMPLETE),
        ([("undecided", "too few pairs of launches")], INCOMPLETE),
        ([("same", ""), ("undecided", "not in A"), ("undecided", "unsupported in base: float16")], OK),
        ([], INCOMPLETE),
    ],
)
def test_what_was_not_compared_or_not_decided_does_not_look_like_the_same(found, code):
    assert version_verdicts.exit_code(found) == code
    assert code in EXIT_CODES
