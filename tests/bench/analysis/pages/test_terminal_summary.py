"""The ranking in a terminal and as JSON, and the cells for other tools."""

import json
import math
import re

import pandas as pd
import pytest

from bench.analysis import load
from bench.analysis.__main__ import main
from bench.analysis.pages import json_text
from bench.run import journal
from tests.bench.analysis.synthetic import cell, write_launch, write_launches


def exact(seconds):
    return [seconds] * 9


@pytest.fixture
def run(tmp_path):
    for backend, factor in (("jax", 1.0), ("torch", 2.0), ("tensorflow", 4.0)):
        write_launches(tmp_path, [(cell(), exact(factor * 1e-3))], backend=backend)
    return tmp_path / "run"


def printed(capsys, *arguments, code=0) -> str:
    assert main([*map(str, arguments)]) == code
    return re.sub(r"[ ─]+", " ", capsys.readouterr().out)


def parsed(capsys, *arguments, code=0):
    return json.loads(printed(capsys, *arguments, code=code))


def test_summary(run, capsys):
    out = printed(capsys, "summary", run)
    assert "testbox · cpu · float32" in out
    others = "torch 2.00 [2.00, 2.00]; tensorflow 4.00 [4.00, 4.00]"
    assert f"normalization forward, jit jax {others} 1 of 1 workload, 3 launches" in out


def test_summary_does_not_name_an_uncertain_winner(tmp_path, capsys):
    for backend in ("jax", "torch"):
        write_launches(tmp_path, [(cell(), exact(1.0))], backend=backend)
    assert "undecided jax 1; torch 1.00 [1.00, 1.00]" in printed(capsys, "summary", tmp_path / "run")


def test_one_launch_names_nothing_and_says_how_to_measure_more(tmp_path, capsys):
    for backend, seconds in (("jax", 1.0), ("torch", 9.0)):
        write_launch(tmp_path, [(cell(), exact(seconds))], backend=backend)
    out = printed(capsys, "summary", tmp_path / "run")
    assert "undecided jax 1; torch 9.00 (no interval)" in out
    assert "Measure with --launches 3 or more." in out


def test_backends_that_were_not_measured_in_turns_are_not_compared(tmp_path, capsys):
    for backend, hours in (("jax", 0), ("torch", 1)):
        write_launches(tmp_path, [(cell(), exact(1.0 + hours))], backend=backend, hours=hours)
    out = printed(capsys, "summary", tmp_path / "run")
    assert "not measured in turns jax 1; torch 2.00 (no interval)" in out
    assert "nox -s bench-tf bench-jax bench-torch" in out


def test_one_backend_alone_leads_with_what_can_be_said(tmp_path, capsys):
    names = {"rms_norm": 3.0, "keras_rms_normalization": 4.0}
    results = [(cell(name, native="native_rms_norm"), exact(seconds)) for name, seconds in names.items()]
    compiles = (cell(metric="compile_cold", native="native_rms_norm"), exact(0.5))
    write_launches(tmp_path, [*results, (cell("native_rms_norm"), exact(2.0)), compiles])
    out = printed(capsys, "summary", tmp_path / "run")
    assert "forward, jit 1.50 times native, 1 workload; 0.75 times Keras, 1 workload" in out
    assert "compiling, cold 500 ms" in out
    assert "only jax" not in out


def test_a_run_that_is_not_at_its_end_is_called_preliminary(tmp_path, capsys):
    write_launch(tmp_path, [(cell(), exact(1.0))], launch=1, settings={"launches": 3})
    assert "Preliminary: run run has 1 of 3 passes over jax" in printed(capsys, "summary", tmp_path / "run")


def test_what_is_missing_is_named_until_it_is_measured(tmp_path, capsys):
    write_launch(tmp_path, [(cell(), exact(1.0))])
    for backend in ("torch", "jax"):
        journal.append(tmp_path / "run", "missing", backend=backend, device="cpu", reason="no space left on device")
    out = printed(capsys, "summary", tmp_path / "run")
    assert "missing: torch on the cpu: no space left on device" in out
    assert "missing: jax" not in out


def test_summary_tells_what_failed(run, capsys):
    write_launch(run.parent, [(cell("broken"), ("crashed", "signal 11"))], launch=3)
    assert "crashed: broken on jax, cpu (small float32 jit forward): signal 11" in printed(capsys, "summary", run)


def test_summary_as_json(run, capsys):
    write_launch(run.parent, [(cell("broken"), ("crashed", "signal 11"))], launch=3)
    found = parsed(capsys, "summary", run, "--json")
    assert [(row["backend"], row["ratio"], row["verdict"]) for row in found["ranking"]] == [
        ("jax", 1.0, "fastest"),
        ("torch", pytest.approx(2), "slower"),
        ("tensorflow", pytest.approx(4), "slower"),
    ]
    assert [trouble["reason"] for trouble in found["not_ok"]] == ["signal 11"]
    assert found["machines"][0]["machine"] == "testbox"
    assert found["problems"] == []


def test_names_do_not_steer_the_terminal(tmp_path, capsys):
    write_launch(tmp_path, [(cell(family="[red]\x1b[2Jbad:smile:[/]\u202e"), exact(1.0))])
    assert "[red] [2Jbad:smile:[/] forward, jit 1.00 s" in printed(capsys, "summary", tmp_path / "run")


def test_export_for_continuous_benchmarks(run, capsys):
    found = {entry["name"]: entry for entry in parsed(capsys, "export", run, "--github-benchmark", "--json")}
    assert len(found) == 3
    entry = found["normalization / rms_norm / small / float32 / jit / forward / torch / cpu"]
    assert (entry["unit"], entry["value"], entry["range"]) == ("ms", 2.0, "2 to 2")
    assert entry["extra"] == "median of 3 launches, 27 rounds; ok; torch 2.12.0, Keras 3.15.1, testbox"


def test_export_without_an_interval_has_no_range(tmp_path, capsys):
    write_launch(tmp_path, [(cell(), [1.0])])
    (entry,) = parsed(capsys, "export", tmp_path / "run", "--github-benchmark")
    assert "range" not in entry


@pytest.mark.parametrize("status", ["crashed", "timeout", "out_of_memory", "failed"])
def test_export_tells_what_has_no_entry(run, capsys, status):
    write_launch(run.parent, [(cell("broken"), (status, "because"))], launch=3)
    assert main(["export", str(run), "--github-benchmark"]) == 1
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 3
    assert captured.err == f"no entry for {status}: broken on jax, cpu (small float32 jit forward): because\n"


def test_export_does_not_mind_what_a_backend_cannot_do(run, capsys):
    write_launch(run.parent, [(cell("other"), ("unsupported", "no such mode"))], launch=3)
    assert len(parsed(capsys, "export", run, "--github-benchmark")) == 3


def test_export_of_several_machines_names_them(tmp_path, capsys):
    for machine in ("fast", "slow"):
        write_launch(tmp_path, [(cell(), [1.0])], run=machine, machine=machine)
    found = parsed(capsys, "export", tmp_path / "fast", tmp_path / "slow", "--github-benchmark")
    name = "normalization / rms_norm / small / float32 / jit / forward / jax / cpu"
    assert [entry["name"] for entry in found] == [f"{name} / fast", f"{name} / slow"]


def test_export_as_json_has_all_cells(run, capsys):
    write_launch(run.parent, [(cell("broken"), ("crashed", "signal 11"))], launch=3)
    found = parsed(capsys, "export", run, "--json")
    frame = load([run]).frame
    assert [list(cell) for cell in found] == [list(frame.columns)] * 4
    assert [cell["median_s"] for cell in found if cell["status"] == "ok"] == frame["median_s"].dropna().tolist()
    broken = next(cell for cell in found if cell["status"] == "crashed")
    assert (broken["median_s"], broken["launches"], broken["timestamp"]) == (None, 0, "2026-01-01T00:00:00Z")


def test_what_is_infinite_is_unknown_to_json():
    frame = pd.DataFrame({"ratio": [1.5, math.inf, -math.inf, math.nan]})
    assert json_text.dumps(json_text.records(frame)) == json.dumps([{"ratio": r} for r in (1.5, None, None, None)])
