"""What a comparison tells: the table, the page and the plain text."""

import csv
import math

import pytest

from bench.analysis.pages import regressions
from bench.analysis.statistics.version_verdicts import Verdict
from bench.commandline import FOUND, INCOMPLETE, OK, UNDECIDED

FACTS = {"machine": "m", "cpu": "c", "cores": 2, "backend_version": "1", "keras_version": "3", "threads": 2}
TOLD = regressions.Told("jax cpu: a against b", "python -m bench.regress --base a", 3.0, ["a note"], FACTS)
NOTHING = Verdict(math.nan, math.nan, math.nan, math.nan, 0, "undecided", math.nan, "crashed in head: SIGKILL")


def verdict(word: str, ratio: float) -> Verdict:
    return Verdict(ratio, ratio * 0.99, ratio * 1.01, 0.001, 12, word, 1.04)


def conclude(tmp_path, verdicts: dict[str, Verdict], backend: str = "jax") -> int:
    folder = tmp_path / "regress" / "run" / f"{backend}-cpu"
    return regressions.conclude(verdicts, TOLD, backend, "cpu", folder)


def rows(tmp_path) -> list[dict[str, str]]:
    with (tmp_path / "report" / "regressions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def case(workload: str) -> str:
    return f"{workload}/small/float32/jit/forward"


def test_the_exit_code_tells_same_undecided_and_slower_apart(tmp_path):
    words = {"a": ("same", 1.0), "b": ("faster", 0.8)}
    found = {case(name): verdict(*one) for name, one in words.items()}
    assert conclude(tmp_path, found) == OK
    assert conclude(tmp_path, found | {case("c"): verdict("undecided", 1.2)}) == UNDECIDED
    assert conclude(tmp_path, found | {case("c"): NOTHING}) == INCOMPLETE
    assert conclude(tmp_path, {case("a"): verdict("slower", 1.1)}) == FOUND


def test_what_needs_a_look_comes_first(tmp_path, capsys):
    found = {
        "a": ("same", 1.0),
        "b": ("slower", 1.1),
        "c": ("faster", 0.5),
        "d": ("slower", 1.3),
        "e": ("undecided", 1.0),
    }
    conclude(tmp_path, {case(name): verdict(*one) for name, one in found.items()} | {case("f"): NOTHING})
    assert [row["workload"] for row in rows(tmp_path)] == list("dbefca")
    printed = capsys.readouterr().out
    assert printed.index("d small float32 jit forward") < printed.index("b small float32 jit forward")
    assert "undecided: crashed in head: SIGKILL" in printed
    assert "2 slower, 2 undecided, 1 faster, 1 same" in printed
    assert "measured in 3.0 min" in printed


def test_the_columns_are_those_that_others_rely_on(tmp_path):
    conclude(tmp_path, {case("a"): verdict("slower", 1.1)})
    (row,) = rows(tmp_path)
    assert list(row)[:13] == [
        *("backend", "device", "workload", "size", "dtype", "mode", "metric"),
        *("ratio", "ci_low", "ci_high", "p_value", "pairs", "verdict"),
    ]
    assert (row["backend"], row["metric"], row["ratio"], row["pairs"]) == ("jax", "forward", "1.1", "12")


def test_the_backends_of_a_run_come_together(tmp_path):
    conclude(tmp_path, {case("a"): verdict("same", 1.0)})
    conclude(tmp_path, {case("b"): verdict("same", 1.0)}, "torch")
    assert [row["backend"] for row in rows(tmp_path)] == ["jax", "torch"]
    for backend in ("jax", "torch"):
        assert (tmp_path / "report" / "figures" / f"regressions-{backend}-cpu.png").stat().st_size > 1000


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a"b', "$x", "a,b\nc", "\u202eabc"])
def test_hostile_names_are_text(tmp_path, name):
    name = name.replace("/", "")
    conclude(tmp_path, {case(name): verdict("slower", 1.1)})
    assert rows(tmp_path)[0]["workload"] == name
    assert "<script>" not in (tmp_path / "report" / "regressions.html").read_text()


def test_nothing_known_still_makes_a_page(tmp_path):
    assert conclude(tmp_path, {case("a"): NOTHING}) == INCOMPLETE
    assert "crashed in head: SIGKILL" in (tmp_path / "report" / "regressions.html").read_text()
