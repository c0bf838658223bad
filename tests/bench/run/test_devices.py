"""What is measured where: with made-up devices, and with the framework's own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.run import devices
from bench.run.launches import PYTEST_USAGE_ERROR, Launch, Plan
from bench.run.machine import ROOT

BACKEND = os.environ["KERAS_BACKEND"]


@pytest.fixture
def machine(monkeypatch):
    """Makes up what the machine and the framework show."""

    def make_up(*, driver: bool, seen: list[str]):
        monkeypatch.setattr(devices, "has_driver", lambda: driver)
        monkeypatch.setattr(devices, "seen", lambda backend: seen)

    return make_up


@pytest.mark.parametrize(
    ("wanted", "driver", "seen", "measured", "told"),
    [
        ("cpu", True, ["cpu", "gpu"], ("cpu",), ""),
        ("gpu", True, ["cpu", "gpu"], ("gpu",), ""),
        ("all", True, ["cpu", "gpu"], ("cpu", "gpu"), ""),
        ("gpu", True, ["gpu"], ("gpu",), ""),
        ("gpu", True, ["cpu"], (), "bench: jax here sees no GPU; nothing to measure\n"),
        ("all", True, [], ("cpu",), "bench: jax here sees no GPU; measuring the CPU\n"),
        ("gpu", False, [], (), "bench: no GPU on this machine; nothing to measure\n"),
        ("all", False, [], ("cpu",), "bench: no GPU on this machine; measuring the CPU\n"),
        ("cpu", False, [], ("cpu",), ""),
    ],
)
def test_what_is_measured(machine, capsys, wanted, driver, seen, measured, told):
    machine(driver=driver, seen=seen)
    assert devices.available("jax", wanted) == measured
    assert capsys.readouterr().out == told


def test_without_a_driver_no_framework_is_asked(monkeypatch):
    monkeypatch.setattr(devices, "DRIVER", ("/no/such/device",))
    monkeypatch.setattr(devices, "seen", lambda backend: pytest.fail("asking takes seconds"))
    assert devices.lack_of_gpu("jax") == "no GPU on this machine"


def test_a_driver_is_seen_by_its_device(monkeypatch, tmp_path):
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(devices, "DRIVER", ("/no/such/device", str(tmp_path / "nvidiactl")))
    assert devices.has_driver()


def test_the_framework_is_asked_in_a_process_of_its_own():
    assert "cpu" in devices.seen(BACKEND)
    assert devices.seen("no_such_framework") == []


def launch(run: Path, device: str, **variables: str) -> Launch:
    run.mkdir()
    plan = Plan(
        backend=BACKEND,
        profile="smoke",
        workloads=["layer_scale"],
        launches=1,
        seconds=0.1,
        threads=1,
        precision="ieee",
        limit=60,
        keyword="layer_scale and forward and eager",
        run=run,
        root=ROOT,
        variables=tuple(variables.items()),
    )
    return Launch(plan, device, 1, 1)


def test_a_launch_refuses_a_device_that_it_does_not_have(tmp_path):
    """What the supervisor saw may be gone, and TensorFlow would compute on the CPU without a word."""
    started = launch(tmp_path / "run", "gpu", CUDA_VISIBLE_DEVICES="")
    assert started.wait(120) == PYTEST_USAGE_ERROR, started.log.read_text()
    assert started.refusal() == f"{BACKEND} here has no gpu"


def test_a_launch_computes_as_precisely_as_it_was_asked_to(tmp_path):
    """A GPU's default is TF32 in TensorFlow, and for the convolutions of PyTorch."""
    started = launch(tmp_path / "run", "cpu")
    assert started.wait(120) == 0, started.log.read_text()
    started.keep_json()
    facts = json.loads((tmp_path / "run" / f"{BACKEND}-cpu-1.json").read_text())["suite"]["facts"]
    exact = {
        "jax": {"matmul_precision": "highest"},
        "tensorflow": {"tf32": False},
        "torch": {"matmul_precision": "highest", "convolution_precision": "ieee"},
    }[BACKEND]
    assert facts.items() >= exact.items()
    assert "driver" not in facts


def test_measuring_needs_no_package_of_the_analysis():
    """A machine with a GPU may have none of them, and no way to get them."""
    missing = ("pandas", "pyarrow", "duckdb", "statsmodels", "ruptures", "matplotlib", "jinja2", "nox", "pynvml")
    modules = (
        "bench.conftest",
        "bench.run.worker",
        "bench.numerics.__main__",
        "bench.numerics.worker",
        f"backends.native.{BACKEND}",
    )
    code = f"import sys; sys.modules.update(dict.fromkeys({missing})); import {', '.join(modules)}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
