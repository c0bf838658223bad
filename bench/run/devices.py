"""Which devices a backend can be measured on, asked before anything is measured. Imports no framework."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.run.machine import ROOT

DRIVER = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg")
"""What NVIDIA's driver shows on Linux, in sandboxes that hide one of them, and under Windows."""


def has_driver() -> bool:
    """Whether there can be a GPU at all; to ask a framework takes seconds."""
    return any(Path(path).exists() for path in DRIVER)


def seen(backend: str) -> list[str]:
    """Returns the devices that a new process of the backend can use."""
    probe = "import backends, json; print(json.dumps(backends.active().devices()))"
    variables = {**os.environ, "KERAS_BACKEND": backend, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    result = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, env=variables, capture_output=True, text=True)
    return json.loads(result.stdout.splitlines()[-1]) if result.returncode == 0 else []


def lack_of_gpu(backend: str) -> str:
    """Returns why the backend has no GPU here, or nothing where it has one."""
    if not has_driver():
        return "no GPU on this machine"
    return "" if "gpu" in seen(backend) else f"{backend} here sees no GPU"


def available(backend: str, wanted: str) -> tuple[str, ...]:
    """Returns the devices to measure; says in one line where a GPU is missing."""
    cpu = () if wanted == "gpu" else ("cpu",)
    lack = "" if wanted == "cpu" else lack_of_gpu(backend)
    if lack:
        print(f"bench: {lack}; {'measuring the CPU' if cpu else 'nothing to measure'}", flush=True)
    return cpu if lack or wanted == "cpu" else (*cpu, "gpu")
