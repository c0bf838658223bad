"""What a damaged run lost is named; what is merely unfinished is not called damaged."""

import json

import pytest

from bench.analysis import load
from bench.analysis.tables import machines_and_runs
from bench.run import journal
from tests.bench.analysis.synthetic import cell, write_launch

RESULTS = [(cell(), [1.0]), (cell("other"), ("failed", "ValueError")), (cell("third"), [2.0])]


@pytest.fixture
def run(tmp_path):
    """Two passes over two backends, as the supervisor leaves them."""
    for launch in (1, 2):
        for backend in ("jax", "torch"):
            write_launch(tmp_path, RESULTS, backend=backend, launch=launch, settings={"launches": 2})
    return tmp_path / "run"


def journal_of(run):
    return [json.loads(line) for line in (run / "journal.jsonl").read_bytes().splitlines()]


def write_journal(run, events):
    lines = "".join(json.dumps(event) + "\n" for event in events)
    (run / "journal.jsonl").write_text(lines, encoding="utf-8")


def is_of(event, backend, launch):
    return (event["backend"], event["launch"]) == (backend, launch)


def told(run):
    loaded = load([run])
    return [
        *loaded.problems,
        *machines_and_runs.preliminary(loaded.launches),
        *machines_and_runs.unfinished(loaded.launches),
    ]


def remove_files(run):
    for path in run.glob("*.json"):
        path.unlink()


def test_an_intact_run_has_no_problems(run):
    assert told(run) == []
    remove_files(run)
    assert told(run) == []


@pytest.mark.parametrize("files", [True, False])
def test_a_journal_that_is_cut_anywhere(run, files):
    events = journal_of(run)
    if not files:
        remove_files(run)
    for kept in range(len(events) - 1):
        write_journal(run, events[:kept])
        found = told(run)
        if files:
            assert any("damaged" in line for line in found), kept
        else:
            assert found, kept


@pytest.mark.parametrize("files", [True, False])
def test_lines_missing_in_the_middle(run, files):
    """Any one event, and any case with its beginning and its end. A process that died has no `exit`."""
    events = journal_of(run)
    if not files:
        remove_files(run)
    for number, event in enumerate(events):
        write_journal(run, events[:number] + events[number + 1 :])
        assert bool(told(run)) == (event["event"] in ("launch", "end") or (event["event"] == "exit" and files)), event
        if event["event"] == "start":
            write_journal(run, events[:number] + events[number + 2 :])
            (problem,) = [line for line in told(run) if line.startswith(str(run / "journal.jsonl"))]
            assert event["case"] in problem


def test_a_launch_whose_beginning_is_missing_is_one_line(run):
    remove_files(run)
    events = journal_of(run)
    write_journal(run, [e for e in events if not (e["event"] == "launch" and is_of(e, "torch", 2))])
    stray, gone = load([run]).problems, "damaged: 6 events of launch torch-cpu-2, but not that it began"
    assert len(stray) == 1
    assert gone in stray[0]


def test_a_launch_of_which_nothing_is_left(run):
    (run / "jax-cpu-1.json").unlink()
    write_journal(run, [event for event in journal_of(run) if not is_of(event, "jax", 1)])
    (problem,) = load([run]).problems
    assert problem == f"{run}: nothing is left of jax-cpu-1; bring it back, or measure it again"


@pytest.mark.parametrize("leave", ["nothing", "empty"])
def test_a_file_that_is_missing(run, leave):
    path = run / "torch-cpu-2.json"
    path.unlink() if leave == "nothing" else path.write_bytes(b"")
    loaded = load([run])
    assert loaded.problems == [
        f"{run}: the files of torch-cpu-2 are missing or empty; read from the journal, bring them back"
    ]
    assert loaded.frame["launches"].max() == 2


def test_a_journal_that_is_missing_where_the_run_was_measured(run):
    (run / "journal.jsonl").unlink()
    assert load([run]).problems == []
    (run / "lock").touch()
    (problem,) = load([run]).problems
    assert problem.startswith(f"{run}: journal.jsonl is missing, which alone knows the cases that did not end well")


@pytest.mark.parametrize("content", [b"", b'{"event": "spa'])
def test_a_journal_of_which_nothing_is_left(run, content):
    remove_files(run)
    (run / "journal.jsonl").write_bytes(content)
    assert load([run]).problems == [f"{run}/journal.jsonl: holds no whole line; bring it back, or measure again"]


@pytest.mark.parametrize("place", ["extra_info", "run"])
def test_a_file_that_does_not_fit_its_journal(run, place):
    path = run / "jax-cpu-1.json"
    document = json.loads(path.read_bytes())
    if place == "run":
        document["suite"]["run"] = "rvn"
    else:
        document["benchmarks"][0]["extra_info"]["workload"] = "rms_nrom"
    path.write_text(json.dumps(document), encoding="utf-8")
    loaded = load([run])
    assert any("rvn" in line or "rms_nrom" in line for line in loaded.problems)
    assert set(loaded.frame["workload"]) == {"rms_norm", "other", "third"}
    assert set(loaded.frame["run"]) == {"run"}


def test_a_case_that_is_not_its_cell(run):
    events = journal_of(run)
    end = next(event for event in events if event["event"] == "end")
    end["cell"]["size"] = "smull"
    write_journal(run, events)
    assert "its case is not its cell. Received: case='rms_norm/small/" in load([run]).problems[0]


# What is no damage.


def cut_launch(run, backend, launch, kept, returncode=None):
    """Leaves the first events of a launch, and that it was stopped."""
    own = [event for event in journal_of(run) if is_of(event, backend, launch)]
    others = [event for event in journal_of(run) if not is_of(event, backend, launch)]
    stopped = [own[-1] | {"returncode": returncode}] if returncode is not None else []
    write_journal(run, [*others, *own[:kept], *stopped])
    (run / f"{backend}-cpu-{launch}.json").write_bytes(b"")


@pytest.mark.parametrize("returncode", [None, 2])
def test_a_run_that_was_interrupted_is_preliminary(run, returncode):
    cut_launch(run, "torch", 2, 4, returncode)
    loaded = load([run])
    assert loaded.problems == []
    (line,) = machines_and_runs.preliminary(loaded.launches)
    assert "stopped in pass 2 over torch on the cpu, with 2 cases to go; the same command with --resume" in line


def test_a_run_that_was_resumed(run):
    cut_launch(run, "torch", 2, 4)
    events = journal_of(run)
    begun = next(event for event in events if event["event"] == "launch" and is_of(event, "torch", 2))
    write_launch(run.parent, RESULTS[1:], backend="torch", launch=3, settings={"launches": 2})
    more = [event for event in journal_of(run) if is_of(event, "torch", 3)]
    more[0] |= {"pass": 2, "cases": begun["cases"]}
    write_journal(run, events + more)
    assert told(run) == []


def test_a_case_that_killed_its_process(run):
    cut_launch(run, "torch", 2, 6)
    events = journal_of(run)
    crashed = events[-2] | {"event": "end", "case": events[-1]["case"], "status": "crashed", "reason": "signal 9"}
    crashed["cell"] = RESULTS[2][0]
    assert events[-1]["event"] == "start"
    write_journal(run, [*events, crashed])
    assert told(run) == []


def test_a_pass_of_many_models_is_shared_by_processes(tmp_path):
    """The first process measures its share and ends well; interrupted before the second, nothing is damaged."""
    results = [(cell(f"model_{number:02}"), [1.0]) for number in range(journal.MODELS + 2)]
    write_launch(tmp_path, results, launch=1)
    run = tmp_path / "run"
    events = journal_of(run)
    share = [events[0], *events[1 : 1 + 2 * journal.MODELS], events[-1]]
    remove_files(run)
    write_journal(run, share)
    loaded = load([run])
    assert loaded.problems == []
    assert "with 2 cases to go" in machines_and_runs.preliminary(loaded.launches)[0]
