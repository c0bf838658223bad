"""The journal of a run: one JSON object a line, on disk before the next case begins. Standard library only."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SCHEMA = 1
NAME = "journal.jsonl"


def append(run: Path, event: str, /, **fields: Any) -> None:
    """Adds one event and waits until the disk has it."""
    record = {"event": event, "time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
    line = json.dumps(record, allow_nan=False, default=str).encode() + b"\n"
    path = run / NAME
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line  # a process died while it wrote the last line
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(run: Path) -> list[dict[str, Any]]:
    """Returns the events of a run in order; lines that a dying process cut off are left out."""
    try:
        lines = (run / NAME).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and "event" in event:
            events.append(event)
    return events


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
