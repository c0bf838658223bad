"""Comparisons as a user starts them: the processes, the checkouts, the verdicts, wrong use and interruptions."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.run import journal

ROOT = Path(__file__).resolve().parents[3]
SIDED = ROOT / "tests/bench/sided_workloads.py"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
BACKEND = os.environ["KERAS_BACKEND"]

# What compares imports no framework; JAX starts fastest.
pytestmark = pytest.mark.skipif(BACKEND != "jax", reason="a comparison imports no framework: tested once, on JAX")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path) -> Path:
    """The sources as they are, as a repository with one commit."""
    folder = tmp_path / "checkout"
    for package in ("bench", "backends", "dl_techniques"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / file, folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "bench.regress", *options]


# As many pairs as it takes to see what becomes of them; what they show is not the question.
FEW_PAIRS = (
    "import sys; from bench.analysis.statistics import revisions; from bench.regress.__main__ import main\n"
    "revisions.SCREEN_PAIRS = revisions.LOOK_PAIRS = revisions.CONFIRM_PAIRS = 2\n"
    "sys.exit(main())"
)


def briefly(folder: Path, *options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", FEW_PAIRS, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500)


def regress(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(*options), cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=500
    )


def verdicts(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "results" / "report" / "regressions.csv").open(newline="") as file:
        return {row["workload"]: row for row in csv.DictReader(file)}


CODES = {"same": 0, "faster": 0, "slower": 1, "undecided": 3}
EAGER = ("--workloads", str(SIDED), "-k", "forward and eager", "--seconds", "0.05")


def test_a_slower_layer_is_confirmed_and_a_dying_one_undecided_also_after_an_interruption(checkout):
    (checkout / "new_file.py").write_text("")
    process = subprocess.Popen(
        command("--base", "main", "--run", "one", *EAGER), cwd=checkout, stdout=subprocess.PIPE, text=True
    )
    folder = checkout / "results" / "regress" / "one" / "jax-cpu"
    deadline = time.monotonic() + 200
    while sum(e["event"] == "pair" for e in journal.read(folder)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    before = [e for e in journal.read(folder) if e["event"] == "pair"]

    result = regress(checkout, "--base", "main", "--resume", *EAGER)
    assert result.returncode == 1, result.stdout + result.stderr
    assert [e for e in journal.read(folder) if e["event"] == "pair"][: len(before)] == before
    found = verdicts(checkout)
    assert found["slowed"]["verdict"] == "slower"
    assert 1.3 < float(found["slowed"]["ratio"]) < 1.6
    assert int(found["slowed"]["pairs"]) == 12
    assert found["steady"]["verdict"] in ("same", "undecided")
    assert found["crashing"]["verdict"] == "undecided"
    assert "head: the process ended with SIGKILL" in found["crashing"]["reason"]
    assert "only in head, not compared: added/tiny/float32/eager/forward" in result.stdout
    page = (checkout / "results" / "report" / "regressions.html").read_text()
    assert "slowed tiny float32 eager forward" in page
    assert (checkout / "results" / "report" / "figures" / "regressions-jax-cpu.png").stat().st_size > 1000
    assert git(checkout, "worktree", "list").count("\n") == 0, "the worktrees are left behind"
    assert git(checkout, "status", "--porcelain") == "?? new_file.py", "the working tree was touched"


def test_a_stored_baseline_is_compared_and_an_unlike_one_refused(checkout):
    baseline = checkout / "results" / "baselines" / "mine"
    options = ("--profile", "smoke", "--workloads", str(SIDED), "-k", "steady and forward and eager")
    bench = [sys.executable, "-m", "pytest", "bench", "--device", "cpu", *options, "--seconds", "0.05"]
    measured = subprocess.run(
        [*bench, "--launches", "5", "--run", "mine"], cwd=checkout, capture_output=True, text=True
    )
    assert measured.returncode == 0, measured.stdout + measured.stderr
    shutil.copytree(checkout / "results" / "raw" / "mine", baseline)

    refused = regress(checkout, "--against-baseline", str(baseline), "--threads", "7")
    assert refused.returncode == 2
    assert "the baseline cannot be compared: threads" in refused.stderr
    forced = regress(checkout, "--against-baseline", str(baseline), "--threads", "1", "--force")
    assert "forced although threads" in forced.stdout, forced.stdout + forced.stderr
    # Not interleaved, equal code is slower where the machine is; test_regression.py has the verdicts.
    assert forced.returncode == CODES[verdicts(checkout)["steady"]["verdict"]], forced.stdout + forced.stderr
    assert "each side is one session" in forced.stdout

    for name in ("jax-cpu-3.json", "jax-cpu-4.json", "jax-cpu-5.json", journal.NAME):
        (baseline / name).unlink()
    few = regress(checkout, "--against-baseline", str(baseline))
    assert few.returncode == 2
    assert "has 2 launches of jax on cpu, a verdict needs 3" in few.stderr


def test_a_calibration_is_kept_and_used_and_a_comparison_is_gone_on_with_only_as_it_was_begun(checkout):
    options = ("--workloads", str(SIDED), "-k", "steady and forward and eager", "--seconds", "0.05")
    calibrated = briefly(checkout, "--calibrate", *options)
    assert calibrated.returncode == 0, calibrated.stdout + calibrated.stderr
    assert "calibrated 1 cells" in calibrated.stdout
    assert (checkout / "results" / "calibration" / "jax-cpu.json").exists()
    compared = briefly(checkout, "--base", "main", "--run", "one", *options)
    assert compared.returncode == CODES[verdicts(checkout)["steady"]["verdict"]], compared.stdout + compared.stderr
    assert "no calibration" not in compared.stdout

    again = briefly(checkout, "--base", "main", "--run", "one", *options)
    assert again.returncode == 2
    assert "has jax-cpu already; add --resume" in again.stderr
    (checkout / "new_file.py").write_text("")
    changed = briefly(checkout, "--base", "main", "--run", "one", "--resume", *options)
    assert changed.returncode == 2
    assert "was begun with head" in changed.stderr


def test_a_layer_that_raises_in_head_does_not_look_the_same(checkout):
    options = ("--workloads", str(SIDED), "-k", "raising and forward and eager", "--seconds", "0.02")
    result = briefly(checkout, "--base", "main", *options)
    assert result.returncode == 4, result.stdout + result.stderr
    row = verdicts(checkout)["raising"]
    assert row["verdict"] == "undecided"
    assert "failed in head: " in row["reason"]
    assert "head cannot do this" in row["reason"]


def test_a_base_that_cannot_be_imported_says_why(checkout):
    conftest = checkout / "bench" / "conftest.py"
    whole = conftest.read_text()
    conftest.write_text("import no_such_module\n" + whole)
    git(checkout, "commit", "-q", "-a", "-m", "broken")
    conftest.write_text(whole)
    result = regress(checkout, "--base", "main", *EAGER)
    assert result.returncode == 2
    assert "regress: base: ModuleNotFoundError: No module named 'no_such_module'; see " in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        ([], {}, "one of the arguments --base --against-baseline --upgrade --calibrate is required"),
        (["--base", "nowhere"], {}, "there is no git ref 'nowhere' here"),
        (["--base", "empty"], {}, "has no bench/ that can be compared"),
        (["--base", "main", "--head", "main"], {}, "the working tree has changes that --head main does not hold"),
        (["--against-baseline", "none"], {}, "there is no baseline none; store one with: cp -r results/raw/RUN none"),
        (["--upgrade", "keras"], {}, "--upgrade must be PACKAGE==VERSION, such as keras==3.15.0, not 'keras'"),
        (["--base", "main", "--force"], {}, "--force belongs to --against-baseline"),
        (["--base", "main", "--seconds", "0"], {}, "--seconds must be above 0, not 0.0"),
        (["--base", "main", "--run", "a/b"], {}, "--run must be a plain name"),
        (["--base", "main", "--resume"], {}, "there is no comparison of jax-cpu in"),
        (["--base", "main"], {"KERAS_BACKEND": "theano"}, "KERAS_BACKEND must be one of tensorflow, jax, torch"),
        (["--base", "main", "--workloads", "rms_nrm"], {}, "unknown workload rms_nrm"),
        (["--base", "main", "-k", "nothing_at_all"], {}, "no cell is chosen by these options"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(checkout, options, environment, message):
    git(
        checkout,
        "branch",
        "empty",
        git(checkout, "commit-tree", "-m", "empty", "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
    )
    (checkout / "pyproject.toml").write_text((checkout / "pyproject.toml").read_text() + "\n")
    result = regress(checkout, *options, **environment)
    assert result.returncode == 2, result.stdout + result.stderr
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
