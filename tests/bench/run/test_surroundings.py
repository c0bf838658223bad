"""What surrounds a user's command: other variables, locales, folders, containers, processors."""

import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from backends.environment import environment, plain, shielded, surroundings
from bench.run import journal, machine
from tests.bench.run import test_supervisor
from tests.bench.run.test_supervisor import ROOT, bench, statuses

once = test_supervisor.pytestmark
SMALL = ("--profile", "smoke", "--workloads", "layer_scale", "-k", "forward and eager and not native")


def facts(run: Path) -> dict:
    return next(e["facts"] for e in journal.read(run) if e["event"] == "launch")


@once
def test_variables_of_pytest_and_a_plain_locale_change_nothing(tmp_path):
    hostile = {
        "PYTEST_ADDOPTS": "-p no:benchmark --color=yes",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONWARNINGS": "error",
        **{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
    }
    result = bench(*SMALL, "--results", str(tmp_path / "raw"), "--run", "one", **hostile)
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(statuses(tmp_path / "raw" / "one").values()) == {"ok"}
    assert "Traceback" not in result.stderr


@once
def test_what_changes_the_program_is_recorded_and_a_run_is_not_resumed_with_something_else(tmp_path):
    options = (*SMALL, "--launches", "2", "--results", str(tmp_path / "raw"), "--run", "one")
    slow = {"XLA_FLAGS": "--xla_backend_optimization_level=0", "KERAS_HOME": str(tmp_path)}
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": "float16", "backend": "jax"}))
    assert bench(*options, "-k", "matmul", **slow).returncode == 0
    told = facts(tmp_path / "raw" / "one")["surroundings"]
    assert told == "XLA_FLAGS=--xla_backend_optimization_level=0 'keras.json floatx=float16'"
    again = bench(*options, "-k", "matmul", "--resume", "--launches", "3")
    assert again.returncode == 2
    ended = len(statuses(tmp_path / "raw" / "one"))
    (tmp_path / "raw" / "one" / "jax-cpu-2.json").unlink()
    journal_file = tmp_path / "raw" / "one" / journal.NAME
    lines = journal_file.read_text().splitlines(keepends=True)
    second = next(i for i, line in enumerate(lines) if '"launch": 2' in line)
    journal_file.write_text("".join(lines[:second]))
    resumed = bench(*options, "-k", "matmul", "--resume")
    assert resumed.returncode == 2
    assert "was begun with: surroundings" in resumed.stderr
    assert len(statuses(tmp_path / "raw" / "one")) == ended


def test_settings_of_frameworks_are_told_from_what_changes_nothing():
    user = {
        **{"XLA_FLAGS": "-a", "JAX_DEBUG_NANS": "1", "TORCHINDUCTOR_MAX_AUTOTUNE": "1", "MKL_DYNAMIC": "FALSE"},
        **{
            "TF_CLI_CONFIG_FILE": "/terraform",
            "KMP_INIT_AT_FORK": "FALSE",
            "KERAS_HOME": "/home",
            "TORCH_LOGS": "all",
            "HOME": "/root",
        },
    }
    assert list(surroundings(user)) == ["JAX_DEBUG_NANS", "MKL_DYNAMIC", "TORCHINDUCTOR_MAX_AUTOTUNE", "XLA_FLAGS"]
    own = environment("jax", "cpu", threads=2, cache=Path("cache"))
    assert surroundings(own) == {}, "what the suite sets itself"
    assert shielded({"PYTEST_ADDOPTS": "-n2", "HOME": "/root"}) == {"HOME": "/root", "PYTHONUTF8": "1"}


@once
def test_files_and_folders_are_those_of_the_folder_the_user_is_in(tmp_path):
    (tmp_path / "mine.py").write_text(test_supervisor.HOSTILE.read_text())
    command = [sys.executable, "-m", "pytest", str(ROOT / "bench/bench_forward.py"), "--workloads", "mine.py"]
    options = ["-k", "fine and eager", "--profile", "smoke", "--results", "out/raw", "--run", "one"]
    result = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert statuses(tmp_path / "out/raw/one") == {"fine/tiny/float32/eager/forward": "ok"}, "forward passes alone"
    assert (tmp_path / "out/report/index.html").exists()


@once
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-k", "rms_nrm"], "no case is chosen; see --workloads and -k"),
        (
            ["--workloads", "{own}/slash.py"],
            "a workload or a size must be called by letters, digits and . _ + = -, not 'a/b'",
        ),
        (["--workloads", "{own}/lines.py"], "by letters, digits and . _ + = -, not 'a\\nb'"),
        (["--workloads", "{own}/twice.py"], "more than one workload is called rms_norm; give yours another name"),
        (["--workloads", "{own}/raises.py"], "raises.py cannot be imported: ZeroDivisionError: division by zero"),
    ],
)
def test_what_cannot_be_measured_is_one_line_and_exit_code_2(tmp_path, options, message):
    text = (
        "from bench.workloads import Workload\nimport keras\n"
        "layer, inputs = lambda size: keras.layers.Dense(2), lambda size: [(2, 2)]\n"
        "WORKLOADS = [Workload({name!r}, 'own', layer, inputs, {{'s': {{}}}})]\n"
    )
    (tmp_path / "slash.py").write_text(text.format(name="a/b"))
    (tmp_path / "lines.py").write_text(text.format(name="a\nb"))
    (tmp_path / "twice.py").write_text(text.format(name="rms_norm"))
    (tmp_path / "raises.py").write_text("1 / 0\n")
    given = [option.format(own=tmp_path) for option in options]
    result = bench("--profile", "smoke", *given, "--results", str(tmp_path / "raw"))
    assert result.returncode == 2, result.stdout + result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr + result.stdout


@once
def test_a_ceiling_alone_is_measured(tmp_path):
    result = bench("--profile", "smoke", "--workloads", "copy", "--results", str(tmp_path / "raw"), "--run", "one")
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(statuses(tmp_path / "raw" / "one").values()) == {"ok"}


def test_the_path_of_a_cache_has_nothing_that_breaks_a_command_line(tmp_path):
    ordinary, odd = tmp_path / "cache", tmp_path / "my prøject ü" / "cache"
    assert plain(ordinary) == ordinary
    link = plain(odd)
    (link / "file").write_text("here")
    assert (odd / "file").read_text() == "here"
    assert " " not in str(link)
    assert str(link).isascii()
    assert plain(odd) == link


def everybodys(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)


def elsewhere(folder: Path) -> None:
    folder.with_name("elsewhere").mkdir(mode=0o700)
    folder.symlink_to("elsewhere")


def of_somebody_else(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    os.chown(folder, 12345, 12345)


@pytest.mark.parametrize("made", [everybodys, elsewhere, of_somebody_else, Path.touch])
def test_links_to_caches_are_in_a_folder_that_nobody_else_can_write_to(tmp_path, monkeypatch, made):
    if made is of_somebody_else and os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first = plain(tmp_path / "ü" / "cache").parent
    shutil.rmtree(first)
    made(first)
    link = plain(tmp_path / "ü" / "cache")
    assert link.parent.parent == tmp_path
    assert link.parent != first
    assert (link.parent.stat().st_mode & 0o777, link.parent.stat().st_uid) == (0o700, os.getuid())
    assert link.resolve() == tmp_path / "ü" / "cache"


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"0::/box": {"box/cpu.max": "50000 100000"}}, 0.5),
        ({"0::/a/b": {"a/cpu.max": "150000 100000", "a/b/cpu.max": "max 100000"}}, 1.5),
        (
            {
                "3:cpu:/box": {
                    "cpu/box/cpu.cfs_quota_us": "25000",
                    "cpu/box/cpu.cfs_period_us": "100000",
                }
            },
            0.25,
        ),
        ({"0::/": {"cpu.max": "max 100000"}}, math.inf),
        ({"0::/": {}}, math.inf),
    ],
)
def test_cores_are_those_of_the_container(tmp_path, monkeypatch, files, quota):
    own = next(iter(files))
    for name, text in files[own].items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    lines = machine._lines
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    monkeypatch.setattr(machine, "_lines", lambda path: [own] if path == Path("/proc/self/cgroup") else lines(path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 3})
    assert machine.cores() == min(4, quota)
    assert machine.threads() == max(1, int(min(4, quota)))


def test_edited_code_is_another_source(tmp_path, monkeypatch):
    own = tmp_path / "mine.py"
    own.write_text("a")
    before = machine.source([own])
    assert machine.source([own]) == before != machine.source()
    own.write_text("b")
    assert machine.source([own]) != before
    assert machine.unlike({"source": "a"}, {"source": "b"}) == "source 'a' and 'b'"
    assert machine.unlike({"source": "a", "commit": "1"}, {"source": "a", "commit": "2"}) == ""
    assert machine.unlike({"commit": "1"}, {"commit": "2"}) == "commit '1' and '2'"
