"""`compare A B`: planted changes come back as verdicts, and what cannot be compared says why."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from bench.analysis.__main__ import main
from bench.analysis.tables import two_runs
from bench.commandline import INCOMPLETE, OK, UNDECIDED
from tests.bench.analysis.synthetic import cell, rounds, write_launch

ONE_SESSION = "jax cpu: each side is one session, measured at another time; regress --base REF measures both at once"


def write(raw, run, times, launches=8, **facts):
    """Launches of a run on JAX; `times` maps workload -> seconds or an ending."""
    rng = np.random.default_rng([*run.encode()])
    for launch in range(launches):
        results = [
            (cell(name), value if isinstance(value, tuple) else rounds(value, rng)) for name, value in times.items()
        ]
        write_launch(raw, results, run=run, launch=launch, **facts)
    return raw / run


def verdicts(found):
    return dict(zip(found.cells["workload"], found.cells["verdict"], strict=True))


def test_planted_changes_come_back(tmp_path):
    a = write(tmp_path, "a", {"slow": 1e-3, "fast": 1e-3, "equal": 1e-3})
    b = write(tmp_path, "b", {"slow": 1.3e-3, "fast": 0.7e-3, "equal": 1e-3})
    found = two_runs.compare(a, b)
    assert verdicts(found) == {"slow": "slower", "fast": "faster", "equal": "same"}
    assert found.cells["workload"].tolist() == ["slow", "fast", "equal"]
    slow = found.cells.iloc[0]
    assert slow["ci_low"] < 1.3 < slow["ci_high"]
    assert (slow["launches_a"], slow["launches_b"]) == (8, 8)
    assert slow["median_s_b"] / slow["median_s_a"] == pytest.approx(1.3, rel=0.02)
    assert slow["p_value"] < 0.001
    assert found.notes == [ONE_SESSION]


def test_few_launches_decide_nothing(tmp_path):
    a, b = (write(tmp_path, run, {"a": 1e-3 * factor}, launches=2) for run, factor in (("a", 1), ("b", 9)))
    (row,) = two_runs.compare(a, b).cells.to_dict("records")
    assert (row["verdict"], row["reason"]) == ("undecided", "a verdict needs 3 launches on both sides")
    assert row["ci_low"] < row["ratio"] < row["ci_high"]
    assert row["ratio"] == pytest.approx(9, rel=0.05)


def test_cells_of_one_run_alone_and_failures_are_rows(tmp_path):
    a = write(tmp_path, "a", {"gone": 1e-3, "breaks": 1e-3, "stays": 1e-3})
    b = write(tmp_path, "b", {"new": 1e-3, "breaks": ("crashed", "signal 11"), "stays": 1e-3})
    found = two_runs.compare(a, b).cells.set_index("workload")
    assert found["reason"].to_dict() == {"gone": "not in B", "new": "not in A", "breaks": "crashed in B", "stays": ""}
    assert found.loc[["gone", "new", "breaks"], "verdict"].unique().tolist() == ["undecided"]
    assert found.loc[["gone", "new", "breaks"], "ratio"].isna().all()


def test_what_else_differs_is_noted(tmp_path):
    a = write(tmp_path, "a", {"x": 1e-3, "y": 2e-3})
    b = write(tmp_path, "b", {"x": 1.2e-3, "y": 2.4e-3}, threads=4, machine="laptop")
    assert two_runs.compare(a, b).notes[:2] == ["machine: testbox in A, laptop in B", "threads: 2 in A, 4 in B"]
    assert "the machine or the code" in two_runs.compare(a, b).notes[2]


def test_a_backend_of_one_run_alone_has_rows_too(tmp_path):
    a, b = (write(tmp_path, run, {"x": 1e-3}) for run in "ab")
    write_launch(tmp_path, [(cell("x"), [1.0] * 9)], run="b", backend="torch")
    found = two_runs.compare(a, b).cells.set_index("backend")
    assert found["reason"].to_dict() == {"jax": "", "torch": "not in A"}


# The command.


def test_a_slower_run_ends_with_1(tmp_path, capsys):
    a, b = write(tmp_path, "a", {"slow": 1e-3}), write(tmp_path, "b", {"slow": 1.3e-3})
    assert main(["compare", str(a), str(b)]) == 1
    out = capsys.readouterr().out
    assert "slower" in out
    assert "jax cpu slow small float32 jit forward" in out
    assert "8, 8" in out
    assert main(["compare", str(b), str(a)]) == 0
    assert "1 faster" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("a", "b", "launches", "code"),
    [
        ({"x": 1e-3}, {"x": 1e-3}, 8, OK),
        ({"x": 1e-3}, {"x": 1.07e-3}, 8, UNDECIDED),
        ({"x": 1e-3}, {"x": 9e-3}, 2, INCOMPLETE),
        ({"x": 1e-3, "gone": 1e-3}, {"x": 1e-3}, 8, INCOMPLETE),
        ({"x": 1e-3, "y": 1e-3}, {"x": 1e-3, "y": ("crashed", "signal 11")}, 8, INCOMPLETE),
        ({"x": 1e-3}, {"x": 1e-3, "new": 1e-3}, 8, OK),
        ({"x": 1e-3}, {"y": 1e-3}, 8, INCOMPLETE),
    ],
)
def test_only_what_was_compared_and_decided_ends_with_0(tmp_path, a, b, launches, code):
    paths = [str(write(tmp_path, run, times, launches)) for run, times in (("a", a), ("b", b))]
    assert main(["compare", *paths]) == code


def test_a_run_that_cannot_be_read_whole_does_not_look_slower(tmp_path):
    a, b = write(tmp_path, "a", {"x": 1e-3}), write(tmp_path, "b", {"x": 1e-3})
    (b / "jax-cpu-0.json").write_text("{")
    (b / "journal.jsonl").unlink()
    assert main(["compare", str(a), str(b)]) == INCOMPLETE


def test_a_terminal_that_lacks_letters_does_not_make_a_run_look_slower(tmp_path):
    a, b = (write(tmp_path, run, {"\u00e4": 1e-3}) for run in "ab")
    command = [sys.executable, "-m", "bench.analysis", "compare", str(a), str(b)]
    done = subprocess.run(command, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, timeout=100)
    assert done.returncode == OK, done.stderr


def test_as_json(tmp_path, capsys):
    a, b = write(tmp_path, "a", {"x": 1e-3, "gone": 1e-3}), write(tmp_path, "b", {"x": 1e-3})
    assert main(["compare", str(a), str(b), "--json"]) == INCOMPLETE
    found = json.loads(capsys.readouterr().out)
    assert (found["notes"], found["problems"]) == ([ONE_SESSION], [])
    assert [(c["workload"], c["verdict"], c["launches_b"]) for c in found["cells"]] == [
        ("gone", "undecided", None),
        ("x", "same", 8),
    ]


def test_several_machines_are_refused(tmp_path, capsys):
    a = write(tmp_path, "a", {"x": 1e-3})
    write_launch(tmp_path, [(cell("x"), [1.0])], run="a", backend="torch", machine="laptop")
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(a), str(a)])
    assert stop.value.code == 2
    assert "mixes the results of" in capsys.readouterr().err


def test_an_empty_run_is_refused(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as stop:
        main(["compare", str(tmp_path / "empty"), str(tmp_path / "empty")])
    assert stop.value.code == 2
    assert "no measured case" in capsys.readouterr().err
