"""Processes that do not outlive the one that watches them. Standard library only."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

if os.name != "posix":
    sys.exit("bench: measuring needs Linux or macOS; on Windows use WSL")

SET_PARENT_DEATH_SIGNAL = 1
LIBC = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
STOP_LIMIT_S = 15


def start(command: list[str], **options: Any) -> subprocess.Popen:
    """Starts a process in a group of its own; on Linux it is killed the moment that this one dies, however it dies."""
    return subprocess.Popen(command, start_new_session=True, preexec_fn=_dies_with(os.getpid()), **options)


def stop(process: subprocess.Popen) -> None:
    """Asks a process to finish what it writes, then kills it and all that it started."""
    _signal(process, signal.SIGINT)
    kill(process)


def kill(process: subprocess.Popen) -> None:
    """Kills a process and all that it started, also what it left behind when it ended."""
    _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen, sign: signal.Signals) -> None:
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
