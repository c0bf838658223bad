"""One file or one journal -> the launches in it, checked field by field."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from bench.analysis import formats
from bench.analysis.tables import schema
from bench.run import journal, machine

EVENTS = ("spawn", "launch", "start", "end", "exit")


@dataclass
class Outcome:
    """How one cell ended in one launch."""

    cell: dict[str, Any]
    status: str
    reason: str
    times: np.ndarray


@dataclass
class Launch:
    """One process: its head (the "suite" of its file, the "launch" event of its journal) and its outcomes.

    Its journal tells the cases of its pass (`planned`), those that it ended, and with `damage` how many it left over.
    """

    head: dict[str, Any]
    start: datetime
    end: datetime
    source: Path
    spawned: datetime | None = None
    returncode: int | None = None
    in_flight: str = ""
    planned: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    left: int = 0
    outcomes: dict[tuple, Outcome] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, int]:
        return self.head["run"], self.head["backend"], self.head["device"], self.head["launch"]

    @property
    def setting(self) -> tuple[str, str, str]:
        return self.head["facts"]["machine"], self.head["backend"], self.head["device"]

    @property
    def is_whole(self) -> bool:
        """Whether its run measured a whole profile, not chosen cells."""
        return not (self.head["settings"].get("keyword") or self.head["settings"].get("workloads"))

    @property
    def name(self) -> str:
        return f"{self.head['backend']}-{self.head['device']}-{self.head['launch']}"


def read_file(path: Path, journaled: bool) -> Launch | None:
    """One pytest-benchmark file; raises `ValueError` if it cannot be trusted.

    An empty one means that its process died: where there is a journal, that stands in for it.
    """
    content = path.read_bytes()
    if not content.strip():
        if journaled:
            return None
        raise ValueError("empty, its process died; name the run folder, whose journal holds what finished")
    document = _parse(content)
    suite = document["suite"]
    _check_head(suite)
    start = _time(document.get("datetime"))
    launch = Launch(suite, start, start, path)
    schema.check_fields(document, {"benchmarks": list})
    for number, record in enumerate(document["benchmarks"], 1):
        try:
            schema.check_fields(record, {"stats": dict, "extra_info": dict})
            outcome = Outcome(_cell(record["extra_info"]), "ok", "", _times(record))
        except ValueError as error:
            raise ValueError(f"benchmark {number}: {error}") from None
        launch.outcomes[_identity(outcome.cell)] = outcome
    return launch


def _parse(content: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(content)
    except ValueError as error:
        raise ValueError(f"damaged, not JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("suite"), dict):
        raise ValueError('not written by this suite: it has no "suite" object')
    return document


def _check_head(head: dict[str, Any]) -> None:
    if head.get("schema") != schema.SCHEMA:
        raise ValueError(f"its schema is {head.get('schema')!r}, this version of the suite reads {schema.SCHEMA}")
    schema.check_fields(head, schema.HEAD_FIELDS)
    schema.check_fields(head["settings"], schema.SETTING_FIELDS, optional=schema.SETTING_FIELDS)
    schema.check_fields(head["facts"], schema.FACT_FIELDS)
    schema.check_fields(head["facts"], schema.KNOWN_FACT_FIELDS, optional=schema.KNOWN_FACT_FIELDS)
    head["facts"] = machine.named(head["facts"], head["device"])


def _cell(record: Any) -> dict[str, Any]:
    schema.check_fields(record, schema.CELL_FIELDS)
    schema.check_fields(record, schema.MEASUREMENT_FIELDS, optional=schema.MEASUREMENT_FIELDS)
    schema.check_fields(record.get("phases") or {}, schema.PHASE_FIELDS, optional=schema.PHASE_FIELDS)
    return record


def _identity(cell: dict[str, Any]) -> tuple[str, ...]:
    return tuple(cell[name] for name in schema.IDENTITY)


def case_name(identity: tuple[str, ...]) -> str:
    """What the journal calls a cell: all that tells it apart but its family, which follows from the workload."""
    return "/".join(identity[1:])


def _times(record: dict[str, Any]) -> np.ndarray:
    schema.check_fields(record, {"stats": dict})
    schema.check_fields(record["stats"], {"data": list})
    data = record["stats"]["data"]
    are_numbers = bool(data) and set(map(type, data)) <= {int, float}
    if not (are_numbers and min(data) > 0 and math.isfinite(sum(data))):
        raise ValueError(f"`data` must hold seconds per call, finite and above 0. Received: data={data!r:.80}")
    return np.array(data, dtype=float)


def _time(text: Any) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"a time must be in ISO 8601. Received: {text!r:.80}") from None


def read_journal(folder: Path, filed: Mapping[tuple, Launch], problems: list[str]) -> dict[tuple, Launch]:
    """The launches that a run's journal tells of, by `Launch.key`, with what their files hold.

    The file has the times; that a case ended badly is known to the journal alone. What had to be left out is added to
    `problems`.
    """
    path = folder / journal.NAME
    launches: dict[tuple, Launch] = {}
    spawned: dict[tuple, datetime] = {}
    strays: Counter[str] = Counter()
    for event in _events(path, problems):
        try:
            _replay(event, launches, spawned, filed, path, strays)
        except ValueError as error:
            problems.append(
                f"{path}: event {event['event']!r} at {event.get('time')!r:.80}: {error}. That event is left out"
            )
    problems += [
        f"{path}: damaged: {formats.count(count, 'event')} of launch {name}, but not that it began. Left out: "
        f"measure it again, or bring the whole journal back"
        for name, count in strays.items()
    ]
    return {launch.key: launch for launch in launches.values()}


def _events(path: Path, problems: list[str]) -> Iterator[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.append(f"{path}: {error.strerror}")
        return
    if b"\n" not in content:
        problems.append(f"{path}: holds no whole line; bring it back, or measure again")
    for number, line in enumerate(content.splitlines(), 1):
        try:
            event = orjson.loads(line)
        except ValueError:
            if not _is_cut(line):
                problems.append(f"{path}, line {number}: damaged, not JSON. That event is left out")
            continue
        if isinstance(event, dict) and event.get("event") in EVENTS:
            yield event


def _is_cut(line: bytes) -> bool:
    """Whether a line is the beginning of an object: dying processes leave beginnings, nothing else."""
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        is_cut = error.msg.startswith("Unterminated") or error.pos >= len(error.doc) - len("false")
        return is_cut and line.startswith(b"{")
    except (UnicodeDecodeError, RecursionError):
        pass
    return False


def read_missing(folder: Path) -> list[tuple[str, ...]]:
    """Backend, device and reason of what a run was asked for and could not measure."""
    try:
        events = [event for event in journal.read(folder) if event["event"] == "missing"]
    except OSError:  # `read_journal` has named it
        return []
    return [tuple(formats.line(str(e.get(name))) for name in ("backend", "device", "reason")) for e in events]


def _replay(
    event: dict[str, Any],
    launches: dict[tuple, Launch],
    spawned: dict[tuple, datetime],
    filed: Mapping[tuple, Launch],
    path: Path,
    strays: Counter[str],
) -> None:
    schema.check_fields(event, {"backend": schema.BACKENDS, "device": schema.DEVICES, "launch": int})
    short_key = event["backend"], event["device"], event["launch"]
    time = _time(event.get("time"))
    if event["event"] == "spawn":
        spawned[short_key] = time
        return
    if event["event"] == "launch":
        _check_head(event)
        schema.check_fields(event, {"cases": list})
        launch = Launch(event, time, time, path, spawned.get(short_key), planned=[*map(str, event["cases"])])
        if launch.key in filed:
            launch.outcomes = dict(filed[launch.key].outcomes)
        launches.setdefault(short_key, launch)
        return
    if short_key not in launches:
        if event["event"] != "exit":  # a process that is refused exits before it has begun
            strays[f"{event['backend']}-{event['device']}-{event['launch']}"] += 1
        return
    launch = launches[short_key]
    launch.end = max(launch.end, time)
    if event["event"] == "exit":
        schema.check_fields(event, {"returncode": int})
        launch.returncode = event["returncode"]
    elif event["event"] == "start":
        schema.check_fields(event, {"case": str})
        launch.in_flight = event["case"]
    elif event["event"] == "end":
        launch.in_flight = ""
        schema.check_fields(event, {"case": str, "status": schema.STATUSES})
        schema.check_fields(event.get("cell"), schema.CELL_FIELDS)
        identity = _identity(event["cell"])
        if case_name(identity) != event["case"]:
            raise ValueError(f"its case is not its cell. Received: case={event['case']!r}")
        launch.ended.add(event["case"])
        if event["status"] != "ok" or launch.key not in filed or identity not in filed[launch.key].outcomes:
            launch.outcomes[identity] = _ended(event)


def _ended(event: dict[str, Any]) -> Outcome:
    times = _times(event["benchmark"]) if event["status"] == "ok" and event.get("benchmark") else np.empty(0)
    return Outcome(_cell(event["cell"]), event["status"], str(event.get("reason") or ""), times)
