"""Facts about the machine and the code, recorded with every launch. Standard library only."""

import hashlib
import math
import os
import platform
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEASURED = ("dl_techniques/**/*.py", "backends/**/*.py", "bench/*.py")
"""What decides what is measured and how; the rest of the suite reads results."""
SAME_IN_A_RUN = (
    *("surroundings", "machine", "backend_version", "keras_version"),
    *("device_name", "driver", "threads", "precision"),
)
"""Launches of one run and backend are replicates where none of these facts differs, and not their code."""
CGROUPS = Path("/sys/fs/cgroup")


def facts(name: str | None = None, workloads: Iterable[Path] = ()) -> dict[str, Any]:
    """Returns what a reader needs to know to compare two results.

    Args:
        name: stands in for what the machine is.
        workloads: files of the user's own whose layers are measured.
    """
    found = {
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "modified": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "source": source(workloads),
        "host": platform.node(),
        "cpu": _cpu_name(),
        "cores": cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "accelerators": _accelerators(),
        "os": platform.platform(),
        "python": platform.python_version(),
        "load_average": round(os.getloadavg()[0], 2),
    }
    return {**found, "machine": name or identity(found)}


def cores() -> int | float:
    """Returns how many processors this process may use: a fraction where a container's quota is one."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = round(min(map(_quota, _control_groups()), default=math.inf), 2)
    return mine if quota >= mine else int(quota) if quota.is_integer() else quota


def threads() -> int:
    """Returns how many threads keep these processors busy."""
    return max(1, int(cores()))


def throttled() -> int:
    """Returns how often the kernel has stopped this container because its quota was used up."""
    lines = [line.split() for group in _control_groups() for line in _lines(group / "cpu.stat")]
    return sum(int(count) for name, count, *_ in lines if name == "nr_throttled")


def source(workloads: Iterable[Path] = ()) -> str:
    """Returns a digest of the code that decides what is measured and how, committed or not."""
    digest = hashlib.sha256()
    for path in (*(path for pattern in MEASURED for path in sorted(ROOT.glob(pattern))), *workloads):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


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


def unlike(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns in which facts two launches are no replicates, or nothing; older results have a commit for a source."""
    code = "source" if "source" in before or "source" in now else "commit"
    names = [name for name in (code, *SAME_IN_A_RUN) if before.get(name) != now.get(name)]
    return ", ".join(f"{name} {before.get(name)!r} and {now.get(name)!r}" for name in names)


def named(facts: dict[str, Any], device: str) -> dict[str, Any]:
    """Returns the facts of a launch with what the machine is, where older results have its host's name for that."""
    facts = {"surroundings": "", **facts}
    if "host" in facts:
        return facts
    accelerators = [facts["device_name"]] if device == "gpu" and "device_name" in facts else []
    return {**facts, "host": facts["machine"], "machine": identity({**facts, "accelerators": accelerators})}


def _cpu_name() -> str:
    names = [line.split(":", 1)[1].strip() for line in _lines(Path("/proc/cpuinfo")) if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _control_groups() -> list[Path]:
    """The control groups that limit this process' time on processors: its own and those around it, of both versions.

    In a container they are mounted as if its own were the root.
    """
    found = []
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, own = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            root = CGROUPS / controllers
            inner = root / own.lstrip("/")
            found += [inner, *(parent for parent in inner.parents if parent.is_relative_to(root))]
    return found


def _quota(group: Path) -> float:
    """How many processors a control group may keep busy."""
    two = " ".join(_lines(group / "cpu.max"))
    one = " ".join(" ".join(_lines(group / f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    limits = re.fullmatch(r"(\d+) (\d+)", two or one)
    return int(limits[1]) / int(limits[2]) if limits else math.inf


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []


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
