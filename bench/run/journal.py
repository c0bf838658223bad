"""The journal of a run: one JSON object a line, on disk before the next case begins. Standard library only."""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = 1
NAME = "journal.jsonl"
MODELS = 32
"""Models that a process measures of its pass. What frameworks keep of a program they never give back, so the next
process goes on with the rest."""


CANNOT_WRITE = 74
"""Exit code of a process that cannot write its results; its log may be of no use either."""


UNWRITABLE = "the disk is full, or the folder is gone"


class Unwritable(OSError):
    """A journal that cannot be written to."""


def append(run: Path, event: str, /, **fields: Any) -> None:
    """Adds one event and waits until the disk has it; raises `Unwritable`."""
    record = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
    line = json.dumps(record, allow_nan=False, default=str).encode() + b"\n"
    path = run / NAME
    try:
        _append(path, line)
    except OSError as error:
        raise Unwritable(error.errno, error.strerror, str(path)) from None


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line  # a process died while it wrote the last line
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Follower:
    """Reads a journal while it grows: each call returns the events added since the last one."""

    def __init__(self, run: Path):
        self.path = run / NAME
        self.offset = 0

    def read(self) -> list[dict[str, Any]]:
        if not self.path.exists() or self.path.stat().st_size == self.offset:
            return []
        with self.path.open("rb") as file:
            file.seek(self.offset)
            lines = file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith(b"\n"):
            lines.pop()  # still being written, or cut off by the death of its writer
        self.offset += sum(map(len, lines))
        return [event for event in map(_parse, lines) if event]


def read(run: Path) -> list[dict[str, Any]]:
    """Returns the events of a run in order; lines that a dying process cut off are left out."""
    return Follower(run).read()


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and "event" in event else None


def finished(events: list[dict[str, Any]], backend: str, device: str, replicate: int) -> set[str]:
    """Returns the cases that ended, with whatever status, in one pass over one backend and device."""
    launches = {
        e["launch"]: e["pass"]
        for e in events
        if e["event"] == "launch" and (e["backend"], e["device"]) == (backend, device)
    }
    return {
        e["case"]
        for e in events
        if e["event"] == "end"
        and (e["backend"], e["device"]) == (backend, device)
        and launches.get(e["launch"]) == replicate
    }


def in_flight(events: list[dict[str, Any]]) -> str | None:
    """Returns the case that was begun and has not ended."""
    ended = {e["case"] for e in events if e["event"] == "end"}
    return next((e["case"] for e in events if e["event"] == "start" and e["case"] not in ended), None)
