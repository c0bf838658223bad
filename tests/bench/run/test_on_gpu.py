"""The suite on a real GPU, as a user starts it."""

import json
import os
import subprocess
import sys

import pytest

import backends
from bench.run.machine import ROOT

BACKEND = os.environ["KERAS_BACKEND"]

pytestmark = pytest.mark.skipif("gpu" not in backends.active().devices(), reason="no GPU on this machine")


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_launch_measures_the_gpu_and_says_what_it_ran_on(tmp_path):
    options = ["--device", "gpu", "--profile", "smoke", "--workloads", "rms_norm", "-k", "forward"]
    run("pytest", "bench", *options, "--results", str(tmp_path), "--run", "one")
    document = json.loads((tmp_path / "one" / f"{BACKEND}-gpu-1.json").read_text())
    facts, cells = document["suite"]["facts"], {b["name"]: b["extra_info"] for b in document["benchmarks"]}
    assert document["suite"]["device"] == "gpu"
    assert facts["device_name"] not in ("cpu", facts["cpu"])
    assert {cell["workload"] for cell in cells.values()} == {"matmul", "copy", "rms_norm", "native_rms_norm"}
    compiled = [cell for cell in cells.values() if cell["mode"] == "jit" and cell["workload"] == "rms_norm"]
    assert all(cell["peak_memory_bytes"] >= 4 * 2 * 196 * 192 for cell in compiled)
    if "driver" in facts:
        assert all(cell["gpu_clock_mhz"] > 0 for cell in cells.values())


def test_numerics_on_the_gpu_agree_with_the_oracle(tmp_path):
    if BACKEND != "jax":
        pytest.skip("the oracle is JAX, so that is where a run begins")
    options = ["--device", "gpu", "--only", "RMSNorm,GroupQueryAttention,ConvNeXtV1Block"]
    run("bench.numerics", *options, "--results", str(tmp_path), "--run", "one")
    run("bench.analysis", "numerics", str(tmp_path / "one"), "--out", str(tmp_path))
