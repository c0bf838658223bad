"""Histories as lines: what is one line, what is one point, and what a change of the environment means."""

import numpy as np
import pytest

from bench.analysis.tables import history
from bench.analysis.tables.series import lines
from tests.bench.analysis.made_up import point, table


def measured(levels, of=10, **changes):
    """Ten days at each level, in ms, of one cell; without noise but for a thousandth."""
    times = np.repeat(levels, of) * 1e-3 * np.tile([1.001, 0.999], of * len(levels))[: of * len(levels)]
    return [point(median_s, day, **changes) for day, median_s in enumerate(times)]


def line(rows):
    (found,) = lines(table(rows))
    return found


def states(rows):
    return [(change.at, change.state) for change in line(rows).changes]


def test_no_history_has_no_lines():
    assert lines(table([])) == []


def test_a_line_holds_what_was_measured():
    found = line([point(1.0, 0), point(2.0, 1), point(4.0, 3)])
    assert np.exp(found.logs) == pytest.approx([1, 2, 4])
    assert [commit[:8] for commit in found.commits] == ["00000000", "00000001", "00000003"]
    assert [time.day for time in found.times] == [1, 2, 4]
    assert found.cell["workload"] == "rms_norm"
    assert list(found.cell) == list(history.CELL)
    assert found.levels == [(0, 3, pytest.approx(np.log(2)))]


@pytest.mark.parametrize("name", history.CELL)
def test_cells_are_not_mixed(name):
    rows = measured([1, 1]) + measured([2, 2], **{name: "another"})
    found = lines(table(rows))
    assert sorted(each.cell[name] == "another" for each in found) == [False, True]
    assert [each.changes for each in found] == [[], []]


def test_a_rise_has_its_place_and_size():
    (change,) = line(measured([1, 1.1])).changes
    assert (change.at, change.state) == (10, "open")
    assert np.exp(change.after - change.before) == pytest.approx(1.1, rel=2e-3)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([1, 1.1, 1], [(10, "recovered"), (20, "faster")]),
        ([1, 1.1] * 3, [(10, "recovered"), (20, "faster"), (30, "recovered"), (40, "faster"), (50, "known")]),
        ([1.1, 1], [(10, "faster")]),
        ([1, 1.02], [(10, "small")]),
        ([1.02, 1], [(10, "small")]),
        ([1, 1], []),
    ],
)
def test_changes_that_are_no_alarm(levels, expected):
    assert states(measured(levels)) == expected


# The environment.


@pytest.mark.parametrize("name", history.ENVIRONMENT)
def test_a_change_of_the_environment_is_no_alarm(name):
    rows = measured([1, 1.3])
    for row in rows[10:]:
        row[name] = "another"
    found = line(rows)
    assert found.changes == []
    (environment,) = found.environments
    assert environment == (10, f"{name} {rows[0][name]} → another")
    assert [(first, end) for first, end, _ in found.levels] == [(0, 10), (10, 20)]


def test_a_rise_after_the_environment_changed_is_found():
    rows = measured([1, 1.3, 1.5])
    for row in rows[10:]:
        row["backend_version"] = "0.11.0"
    assert states(rows) == [(20, "open")]


def test_a_rise_before_the_environment_changed_is_superseded():
    rows = measured([1, 1.3, 1.3])
    for row in rows[20:]:
        row["backend_version"] = "0.11.0"
    assert states(rows) == [(10, "superseded")]


def test_an_environment_that_comes_back_is_a_new_one():
    rows = measured([1, 1.3, 1])
    for row in rows[10:20]:
        row["threads"] = "1"
    found = line(rows)
    assert [at for at, _ in found.environments] == [10, 20]
    assert found.changes == []


# Commits.


def test_a_commit_measured_again_is_one_point_where_it_was_first():
    rows = [point(1.0, 0), point(2.0, 1), point(4.0, 2)]
    again = [point(3.0, 3, commit=rows[1]["commit"]), point(9.0, 4, commit=rows[1]["commit"])]
    found = line(rows + again)
    assert np.exp(found.logs) == pytest.approx([1, 3, 4])
    assert [time.day for time in found.times] == [1, 2, 3]


@pytest.mark.parametrize("how", [{"modified": True}, {"commit": "unknown"}])
def test_code_that_no_commit_names_is_a_point_a_run(how):
    commit = point(1.0)["commit"]
    found = line([point(1.0, 0), *(point(2.0, day, **{"commit": commit} | how) for day in (1, 2))])
    assert np.exp(found.logs) == pytest.approx([1, 2, 2])
    assert found.commits == [commit, *[how.get("commit", commit + "+")] * 2]
