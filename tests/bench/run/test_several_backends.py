"""Several backends under one command: whose turn it is, and what becomes of a backend that cannot be measured."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.commandline import Refused
from bench.run import journal, supervisor, turns
from bench.run.launches import Passes, Plan
from bench.run.supervisor import Run
from tests.bench.run import test_supervisor
from tests.bench.run.test_supervisor import bench

pytestmark = test_supervisor.pytestmark

TARGETS = [("tensorflow", "cpu"), ("jax", "cpu"), ("torch", "cpu")]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Makes a run whose passes only note that they were begun; `refusing` backends refuse."""
    begun: list[tuple[str, int]] = []

    class Passes:
        def __init__(self, plan, device, clock):
            self.backend, self.run = plan.backend, plan.run

        def measure_pass(self, replicate):
            if self.backend in Passes.refusing:
                raise Refused("it has no compiler")
            begun.append((self.backend, replicate))
            journal.append(self.run, "launch", backend=self.backend, cases=["a case"])

        def leave(self):
            pass

    def make(launches: int, refusing: tuple[str, ...] = ()):
        Passes.refusing = refusing
        monkeypatch.setattr(supervisor, "Passes", Passes)
        monkeypatch.setattr(Run, "publish", lambda self: begun.append(("page", 0)))
        plans = {target: _plan(target, tmp_path / "run", launches) for target in TARGETS}
        (tmp_path / "run").mkdir()
        return Run(plans, {}), begun

    return make


def _plan(target: tuple[str, str], folder: Path, launches: int) -> Plan:
    return Plan(
        backend=target[0],
        profile="smoke",
        workloads=[],
        launches=launches,
        seconds=1.0,
        threads=1,
        precision="ieee",
        limit=1.0,
        keyword="",
        run=folder,
        root=folder,
    )


def test_launches_alternate_and_the_page_grows_with_each_backend_and_then_with_each_pass(run):
    made, begun = run(launches=3)
    made.measure()
    forth = ["tensorflow", "jax", "torch"]
    first = ["tensorflow", "page", "jax", "page", "torch", "page"]
    assert [name for name, _ in begun] == [*first, *reversed(forth), "page", *forth, "page"]
    assert [number for _, number in begun if number] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


def test_a_backend_that_cannot_be_measured_is_one_line_and_the_others_go_on(run, capsys):
    made, begun = run(launches=2, refusing=("jax",))
    made.measure()
    assert [name for name, _ in begun] == [
        "tensorflow",
        "page",
        "page",
        "torch",
        "page",
        "torch",
        "tensorflow",
        "page",
    ]
    assert capsys.readouterr().err == "bench: jax on the cpu: it has no compiler\n"
    (event,) = [e for e in journal.read(made.plan.run) if e["event"] == "missing"]
    assert (event["backend"], event["device"], event["reason"]) == ("jax", "cpu", "it has no compiler")
    assert made.summarize() == 1


def test_where_nothing_can_be_measured_the_exit_code_is_that_of_wrong_use(run):
    made, begun = run(launches=2, refusing=("tensorflow", "jax", "torch"))
    made.measure()
    assert begun == []
    assert made.summarize() == 2


def test_files_that_a_killed_supervisor_left_aside_are_kept_when_the_run_goes_on(tmp_path):
    """A launch that ended has written all of its file, one that did not end may have half of it."""
    plan = _plan(("jax", "cpu"), tmp_path, 2)
    for launch in (1, 2):
        journal.append(tmp_path, "launch", backend="jax", device="cpu", launch=launch, **{"pass": launch}, cases=[])
        (tmp_path / f"jax-cpu-{launch}.json.part").write_text("{")
    journal.append(tmp_path, "exit", backend="jax", device="cpu", launch=1, returncode=0)
    Passes(plan, "cpu")
    assert {path.name for path in tmp_path.glob("jax-cpu-*")} == {"jax-cpu-1.json", "jax-cpu-2.json.part"}


def ended(exitstatus: int, *, interrupted: bool = False) -> tuple[int, list[bytes]]:
    """What a launch takes for its exit code, and what it asked of the process that gives the turns."""
    from bench.run.plugin import Plugin

    asked: list[bytes] = []
    launch = Plugin(SimpleNamespace(asker=SimpleNamespace(ask=asked.append)))
    ending = launch.pytest_sessionfinish(exitstatus)
    next(ending)
    with pytest.raises(KeyboardInterrupt if interrupted else StopIteration):
        ending.throw(KeyboardInterrupt) if interrupted else next(ending)
    return launch.exitstatus, asked


def test_a_launch_that_is_interrupted_has_not_ended_well():
    """Neither is its file whole, nor the pair that it is one of."""
    assert ended(0) == (0, [turns.END])
    assert ended(1) == (1, [turns.END])
    assert ended(2) == (2, [])
    assert ended(0, interrupted=True) == (2, []), "while it wrote its file"


@pytest.mark.parametrize("wrong", ["jax=/bin/python", "theano-cpu=/bin/python", "jax-tpu=/bin/python", "jax-cpu="])
def test_interpreters_are_named_with_backend_and_device(tmp_path, wrong):
    result = bench("--results", str(tmp_path), "--interpreter", wrong)
    assert result.returncode == 2
    assert f"--interpreter must be like jax-cpu=VALUE, not {wrong!r}" in result.stderr


def test_a_backend_without_its_framework_is_missing_on_the_page(tmp_path):
    options = ("--profile", "smoke", "--workloads", "layer_scale", "-k", "forward and eager", "--run", "two")
    both = [f"--interpreter={name}-cpu={sys.executable}" for name in ("jax", "torch")]
    result = bench(*options, *both, "--missing", "tensorflow-cpu=no space left", "--results", str(tmp_path / "raw"))
    assert result.returncode == 1
    assert "bench: torch on the cpu: a launch ended before its first case" in result.stderr
    page = (tmp_path / "report" / "index.html").read_text()
    assert "Missing: tensorflow on the cpu: no space left" in page
    assert "Missing: torch on the cpu: a launch ended before its first case" in page
