"""Disks that are read-only, full or somebody else's, and folders that are gone: the right row, or one clear line."""

import ctypes
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.run import journal
from tests.bench.regress.test_regress import git
from tests.bench.run import test_supervisor

pytestmark = [
    test_supervisor.pytestmark,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="capabilities, /dev/full and /proc are Linux's"),
]

ROOT = Path(__file__).resolve().parents[2]
BENCH = ("pytest", "bench", "--device", "cpu", "--profile", "smoke")
DROP_FROM_BOUNDING_SET, DAC_OVERRIDE = 24, 1
LAYER = """
import os, resource, shutil
import keras
from pathlib import Path
from bench.workloads import Workload

class Harmful(keras.layers.Layer):
    def call(self, inputs, training=None):
        run = Path(os.environ["RUN"])
        {}
        return inputs * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape

WORKLOADS = [Workload("harmful", "own", lambda size: Harmful(), lambda size: [(2, 3)], {{"tiny": {{}}}})]
"""
REMOVED = "shutil.rmtree(run)"
NO_ROOM = "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))"


def told(folder: Path, *arguments: str, prepare=None, **environment: str) -> tuple[int, str]:
    """The exit code of a command, and the one line that it says in its defence."""
    command = [sys.executable, "-m", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(folder), **environment}
    result = subprocess.run(
        command, cwd=folder, env=variables, preexec_fn=prepare, capture_output=True, text=True, timeout=300
    )
    assert "Traceback" not in result.stdout + result.stderr, result.stderr
    if result.returncode:
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.returncode, result.stderr


def obey_permissions() -> None:
    """Also as root."""
    ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, DAC_OVERRIDE)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """One that nobody may write to."""
    folder = tmp_path_factory.mktemp("read-only") / "checkout"
    for package in ("bench", "backends", "dl_techniques"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", "first")
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(path.stat().st_mode & 0o555)
    yield folder
    for path in paths:
        path.chmod(path.stat().st_mode | 0o200)


def test_a_read_only_checkout_of_another_user_is_measured_into_a_folder_of_ones_own(checkout, tmp_path):
    own = ("--workloads", "layer_scale", "-k", "layer_scale and forward and eager and not native")
    into = ("--results", str(tmp_path / "raw"), "--run", "one")
    other = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    assert told(checkout, *BENCH, *own, *into, prepare=obey_permissions, **other) == (0, "")
    events = journal.read(tmp_path / "raw" / "one")
    assert [e["status"] for e in events if e["event"] == "end"] == ["ok"]
    assert next(e["facts"]["commit"] for e in events if e["event"] == "launch") == "unknown"
    assert (tmp_path / "report" / "index.html").exists()


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (BENCH, "results/raw"),
        (("bench.regress", "--base", "main", "--run", "one"), "results/regress/one"),
        (("bench.numerics", "--run", "one"), "results/numerics/one"),
        (("bench.analysis", "report", str(ROOT / "results/baselines/example")), "results/history"),
        (("bench.analysis", "numerics", str(ROOT / "results/baselines/example-numerics")), "results"),
    ],
    ids=["bench", "regress", "numerics", "report", "judge"],
)
def test_what_would_be_written_into_a_read_only_checkout_is_one_line(checkout, arguments, where):
    code, line = told(checkout, *arguments, prepare=obey_permissions)
    assert code == 2
    assert where in line
    assert "Permission denied" in line


def test_a_comparison_in_another_users_checkout_is_told_how_to_trust_it(checkout):
    code, line = told(checkout, "bench.regress", "--base", "main", GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert code == 2
    assert f"git config --global --add safe.directory {checkout}" in line


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (
            NO_ROOM,
            "launch cannot write its results: the disk is full, .*what is finished is kept. Go on with: --resume",
        ),
        (REMOVED, "cannot write its results: .*the folder is gone$|No such file or directory: "),
    ],
    ids=["no room", "removed"],
)
def test_a_disk_that_fails_while_benchmarks_run_is_one_line(tmp_path, harm, message):
    (tmp_path / "harmful.py").write_text(LAYER.format(harm))
    run = tmp_path / "raw" / "one"
    options = ("--workloads", str(tmp_path / "harmful.py"), "-k", "harmful and eager and forward")
    code, line = told(ROOT, *BENCH, *options, "--results", str(run.parent), "--run", "one", RUN=str(run))
    assert code == 2
    assert re.search(message, line.strip())


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (NO_ROOM, "jax-float64 cannot write its results: the disk is full, or the folder is gone"),
        (REMOVED, "cannot write (its )?results: |run.json is missing; begin another --run"),
    ],
    ids=["no room", "removed"],
)
def test_a_disk_that_fails_while_numerics_are_computed_is_one_line(tmp_path, harm, message):
    (tmp_path / "harmful.py").write_text(LAYER.format(harm))
    options = ("--layer", "harmful:Harmful", "--input-shape=2,3", "--results", str(tmp_path), "--run", "one")
    where = {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "RUN": str(tmp_path / "one")}
    code, line = told(ROOT, "bench.numerics", *options, **where)
    assert code == 2
    assert re.search(message, line)


def no_room() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "results/baselines/example", "--history", "{out}/history"),
        ("numerics", "results/baselines/example-numerics"),
    ],
    ids=["report", "judge"],
)
def test_a_disk_that_is_full_when_the_page_is_written_is_one_line(tmp_path, arguments):
    given = [argument.format(out=tmp_path) for argument in arguments]
    code, line = told(ROOT, "bench.analysis", *given, "--out", str(tmp_path / "out"), prepare=no_room)
    assert code == 2
    assert "File too large" in line
    assert not list(tmp_path.rglob("*.html"))
