"""Peak memory of a step, taken apart from the timing."""

import ctypes
import sys
from pathlib import Path

from backends.protocol import Adapter, Program

_STATUS = Path("/proc/self/status")


def peak_memory(adapter: Adapter, program: Program, device: str) -> int | None:
    """Returns the bytes that a step needs beyond what the process holds before; None where that cannot be told.

    On a GPU the framework tells. On the CPU it is the rise of the process' peak resident set, after the
    allocator's free pages were given back: Linux with glibc only.
    """
    if device == "gpu":
        return adapter.peak_memory(program)
    if not sys.platform.startswith("linux"):
        return None
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", "utf-8")
    before = _kilobytes("VmRSS")
    adapter.wait(program.run())
    return max(0, _kilobytes("VmHWM") - before) * 1024


def _kilobytes(field: str) -> int:
    line = next(line for line in _STATUS.read_text("utf-8").splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1])
