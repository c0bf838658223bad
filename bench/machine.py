"""Facts about the machine and the code, recorded with every launch. Standard library only."""

import os
import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def facts(name: str | None = None) -> dict[str, Any]:
    """Returns what a reader needs to know to compare two results; `name` stands in for what the machine is."""
    found = {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "host": platform.node(),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "accelerators": _accelerators(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }
    return {**found, "machine": name or identity(found)}


def identity(facts: Mapping[str, Any]) -> str:
    """Returns what a machine is, whatever its host is called: processor, cores, memory and accelerators.

    A host's name tells nothing: two rented machines are both called "vm", and every start of a container is a new one.
    """
    memory = facts.get("memory_bytes")
    parts = [
        str(facts.get("cpu") or "unknown processor"),
        f"{facts['cores']} cores" if facts.get("cores") else "",
        f"{memory / 2**30:.0f} GiB" if memory else "",
        *facts.get("accelerators", ()),
    ]
    return ", ".join(filter(None, parts))


def named(facts: dict[str, Any], device: str) -> dict[str, Any]:
    """Returns the facts of a launch with what the machine is, where older results have its host's name for that."""
    if "host" in facts:
        return facts
    accelerators = [facts["device_name"]] if device == "gpu" and "device_name" in facts else []
    return {**facts, "host": facts["machine"], "machine": identity({**facts, "accelerators": accelerators})}


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _accelerators() -> list[str]:
    """The GPUs that NVIDIA's driver lists, those of one kind as one."""
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        query = [command, "--query-gpu=name", "--format=csv,noheader"]
        result = subprocess.run(query, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    names = Counter(result.stdout.split("\n") if result.returncode == 0 else [])
    return [name if count == 1 else f"{count} x {name}" for name, count in names.items() if name]


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
