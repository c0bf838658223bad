"""The suite as a user starts it: pytest processes that crash, hang, run out of memory or are killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.run import devices, journal
from tests.bench import hostile_workloads

KEYS = ("workload", "size", "dtype", "mode", "metric")
ROOT = Path(__file__).resolve().parents[3]
LOST_DEVICE = 3
HOSTILE = ROOT / "tests/bench/hostile_workloads.py"
BACKEND = os.environ["KERAS_BACKEND"]

# One framework shows how a pytest process is supervised; JAX starts fastest.
pytestmark = pytest.mark.skipif(BACKEND != "jax", reason="the supervisor imports no framework: tested once, on JAX")


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "bench", "--device", "cpu", *options]


def bench(*options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*options), cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300
    )


def statuses(run: Path) -> dict[str, str]:
    return {e["case"]: e["status"] for e in journal.read(run) if e["event"] == "end"}


def wait_for_two_cases(run: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while len(statuses(run)) < 2:
        assert process.poll() is None, "the suite ended early"
        assert time.monotonic() < deadline, "nothing was measured"
        time.sleep(0.05)


def test_whatever_a_workload_does_it_becomes_a_row_and_the_rest_goes_on(tmp_path):
    """All of them: `-k` without the names in COSTLY takes another minute."""
    cheap = " and ".join(["forward", "eager", *(f"not {name}" for name in sorted(hostile_workloads.COSTLY))])
    options = ("--profile", "smoke", "--workloads", str(HOSTILE), "-k", cheap)
    result = bench(*options, "--limit", "4", "--results", str(tmp_path), "--run", "hostile")
    found = statuses(tmp_path / "hostile")
    assert result.returncode == 1, result.stdout + result.stderr
    ended = {case.partition("/")[0]: status for case, status in found.items()}
    expected = {name: how for name, how in hostile_workloads.EXPECTED.items() if name not in hostile_workloads.COSTLY}
    assert {name: ended.get(name) for name in expected} == expected
    assert "crash/tiny/float32/eager/forward: crashed: the process ended with SIGKILL" in result.stdout
    assert "failed: ValueError: the layer is broken\n" in result.stdout
    exits = [e["returncode"] for e in journal.read(tmp_path / "hostile") if e["event"] == "exit"]
    assert exits.count(LOST_DEVICE) == 1, "the launch goes on although nothing can be computed"
    for layer in (hostile_workloads.LeavesChild, hostile_workloads.LeavesSession):
        left = subprocess.run(["pgrep", "-f", f"time.sleep.{layer.SECONDS}"], capture_output=True)
        assert not left.stdout, f"what {layer.__name__} started outlived its launch"


def test_a_killed_run_is_resumed_without_measuring_again_what_was_finished(tmp_path):
    run = tmp_path / "killed"
    options = ("--profile", "smoke", "--workloads", "rms_norm", "--results", str(tmp_path))
    process = subprocess.Popen(command(*options, "--run", "killed"), cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_for_two_cases(run, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(1)
    before = [e for e in journal.read(run) if e["event"] == "end"]
    time.sleep(2)
    assert [e for e in journal.read(run) if e["event"] == "end"] == before, "the launch outlived its supervisor"
    result = bench(*options, "--resume")
    assert result.returncode == 0, result.stdout + result.stderr
    events = journal.read(run)
    ended = [e["case"] for e in events if e["event"] == "end"]
    planned = next(e["cases"] for e in events if e["event"] == "launch")
    assert sorted(ended) == sorted(planned)
    assert json.loads((run / "jax-cpu-2.json").read_text())["suite"]["launch"] == 2


def test_the_json_is_what_pytest_benchmark_reads(tmp_path):
    options = ("--profile", "smoke", "--workloads", "layer_scale", "-k", "forward", "--results", str(tmp_path))
    assert bench(*options, "--run", "one").returncode == 0
    path = tmp_path / "one" / "jax-cpu-1.json"
    compared = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", str(path)], capture_output=True, text=True, timeout=60
    )
    assert compared.returncode == 0, compared.stderr
    assert "layer_scale/small/float32/jit/forward" in compared.stdout
    saved = json.loads(path.read_text())
    record = next(b for b in saved["benchmarks"] if "layer_scale" in b["name"] and "jit" in b["name"])
    assert record["extra_info"]["flops"] == 2 * 196 * 192
    assert len(record["stats"]["data"]) == record["stats"]["rounds"] >= 6
    assert saved["suite"]["facts"]["keras_version"]


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--device", "tpu"], {}, "--device must be one of cpu, gpu, all, not 'tpu'"),
        (["--profile", "huge"], {}, "--profile must be one of smoke, default, catalogue, large, full, not 'huge'"),
        (["--workloads", "rms_nrm"], {}, "unknown workload rms_nrm; there are: adaptive_multi_head_attention"),
        (["--workloads", "missing.py"], {}, f"no workload file {ROOT / 'missing.py'}"),
        (["--launches", "0"], {}, "--launches must be at least 1, not 0"),
        (["--run", "a/b"], {}, "--run must be a plain name"),
        (["--resume", "--run", "nothing"], {}, "there is no run nothing"),
        ([], {"KERAS_BACKEND": "theano"}, "KERAS_BACKEND must be one of tensorflow, jax, torch, not 'theano'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(tmp_path, options, environment, message):
    result = bench("--results", str(tmp_path), *options, **environment)
    assert result.returncode == 2, result.stdout
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_backend_that_is_not_installed_is_named_with_the_remedy(tmp_path):
    missing = "torch" if BACKEND != "torch" else "jax"
    result = bench("--results", str(tmp_path), KERAS_BACKEND=missing)
    assert result.returncode == 2
    assert (
        f"{missing} is not installed here; install it with: python -m pip install -e '.[{missing},bench]'"
        in result.stderr
    )


def test_a_folder_that_cannot_be_written_is_refused_before_measuring(tmp_path):
    (tmp_path / "file").write_text("")
    result = bench("--results", str(tmp_path / "file"))
    assert result.returncode == 2
    assert "cannot write results to" in result.stderr


def test_an_absent_gpu_is_one_line_and_nothing_measured_is_no_success(tmp_path):
    if devices.has_driver():
        pytest.skip("this machine has a GPU")
    result = bench("--results", str(tmp_path), "--device", "gpu")
    assert result.returncode == 2
    assert result.stdout.strip() == "bench: no GPU on this machine; nothing to measure"


def test_a_run_is_not_mixed_with_other_settings(tmp_path):
    options = ("--workloads", "layer_scale", "-k", "forward and eager", "--results", str(tmp_path), "--run", "one")
    assert bench(*options, "--profile", "smoke").returncode == 0
    again = bench(*options, "--profile", "smoke")
    assert again.returncode == 2
    assert "has results of jax already; add --resume" in again.stderr
    other = bench(*options, "--profile", "smoke", "--resume", "--threads", "1")
    assert other.returncode == 2
    assert "was begun with threads" in other.stderr


def test_an_interrupted_run_keeps_and_reports_what_is_finished(tmp_path):
    run = tmp_path / "raw" / "interrupted"
    options = ("--profile", "smoke", "--workloads", "rms_norm", "--results", str(run.parent), "--run", run.name)
    process = subprocess.Popen(
        command(*options), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for_two_cases(run, process)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Go on with: --resume --run interrupted" in output
    with (tmp_path / "report" / "results.csv").open(newline="") as file:
        measured = [row for row in csv.DictReader(file) if row["status"] in ("ok", "unstable")]
    reported = {"/".join(row[key] for key in KEYS) for row in measured}
    assert reported == {case for case, status in statuses(run).items() if status == "ok"} != set()
