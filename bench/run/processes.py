"""Processes that do not outlive the one that watches them. Standard library only."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

if os.name != "posix":
    sys.exit("bench: measuring needs Linux or macOS; on Windows use WSL")

SET_PARENT_DEATH_SIGNAL = 1
LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
STOP_LIMIT_S = 15


class Process(subprocess.Popen):
    """One in a group of its own, with a mark among its variables that all that it starts inherits."""

    def __init__(self, command: list[str], *, env: Mapping[str, str] | None = None, **options: Any):
        self.mark = f"STARTED_BY_DL_TECHNIQUES={uuid.uuid4().hex}"
        name, _, value = self.mark.partition("=")
        super().__init__(command, env={**(env or os.environ), name: value}, start_new_session=True, **options)


def start(command: list[str], **options: Any) -> Process:
    """Starts a process; on Linux it is killed the moment that this one dies, however it dies."""
    return Process(command, preexec_fn=_dies_with(os.getpid()), **options)


def stop(process: Process) -> None:
    """Asks a process to finish what it writes, then kills it and all that it started."""
    _signal(process, signal.SIGINT)
    kill(process)


def kill(process: Process) -> None:
    """Kills a process and all that it started, also what it left behind when it ended.

    What it started in another session only Linux can tell.
    """
    _signal(process, signal.SIGKILL)
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            if process.mark.encode() in (place / "environ").read_bytes().split(b"\0"):
                os.kill(int(place.name), signal.SIGKILL)


def _signal(process: Process, sign: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, sign)
        process.wait(STOP_LIMIT_S)


def _dies_with(parent: int) -> Callable[[], None]:
    def prepare() -> None:
        if LIBC:
            LIBC.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
            if os.getppid() != parent:  # it died before it was asked for
                os._exit(1)

    return prepare
