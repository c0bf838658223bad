"""Run folders and pytest-benchmark files -> one tidy table of measured cells.

A launch is read from its JSON file; what that file lacks (it is empty when the process died) comes from the run's
journal, so nothing that finished is lost. A file that cannot be trusted is left out and named in `problems`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from bench.analysis.tables import cells, damage, schema
from bench.analysis.tables.records import Launch, Outcome, read_file, read_journal, read_missing
from bench.run import journal, machine

LAUNCH_COLUMNS = [
    *("run", "backend", "device", "launch", "pass", "spawned", "start", "end", "returncode", "in_flight", "left"),
    *("compiled_s", "measured_s", "settings", "facts"),
]


@dataclass(frozen=True, eq=False)
class Loaded:
    """What was read.

    Args:
        frame: one row a measured cell, with `schema.COLUMNS`.
        launches: one row a process launch: who, when, on what, with which settings.
        ceilings: `peak_flops` and `peak_bytes` per second by machine, device and dtype, as measured.
        medians: one row a cell and launch that ended well: `CELL_KEY`, `pass` and `log`, the median's logarithm.
        missing: a line for each backend that was asked for and could not be measured.
        problems: a line for each file or part of a file that was left out, and what to do about it.
        newer: a line for each run of some cells that is newer than the whole one that was taken.
    """

    frame: pd.DataFrame
    launches: pd.DataFrame
    ceilings: pd.DataFrame
    medians: pd.DataFrame
    missing: list[str]
    problems: list[str]
    newer: list[str] = field(default_factory=list)


def load(paths: Iterable[str | Path]) -> Loaded:
    """Read run folders and single pytest-benchmark files."""
    problems: list[str] = []
    places = [*map(Path, paths)]
    launches = read(places, problems)
    return assemble(launches, problems, _missing(places, launches))


def latest(raw: str | Path) -> Loaded:
    """Read of every run below `raw` only what is newest for its machine, backend and device.

    That is the newest run of a whole profile where there is one: two cells do not stand in for all of them.
    """
    problems: list[str] = []
    folders = sorted(path for path in Path(raw).glob("*") if path.is_dir())
    launches = read(folders, problems)
    newest = _newest(launches)
    taken = newest | _newest(launch for launch in launches if launch.is_whole)
    kept = [launch for launch in launches if launch.head["run"] == taken[launch.setting].head["run"]]
    runs = {launch.head["run"] for launch in kept}
    loaded = assemble(kept, problems, _missing([folder for folder in folders if folder.name in runs], kept))
    parts = [launch for setting, launch in newest.items() if launch.head["run"] != taken[setting].head["run"]]
    return replace(loaded, newer=list(dict.fromkeys(map(_newer, parts))))


def _newest(launches: Iterable[Launch]) -> dict[tuple, Launch]:
    """The launch that began last, by `Launch.setting`."""
    return {launch.setting: launch for launch in sorted(launches, key=lambda launch: launch.start)}


def _newer(launch: Launch) -> str:
    return (
        f"run {launch.head['run']} is newer and of chosen cells only; see it with: python -m bench.analysis report "
        f"{launch.source.parent}"
    )


def read(paths: Iterable[Path], problems: list[str]) -> list[Launch]:
    """The launches in run folders and files; what had to be left out is added to `problems`."""
    launches: dict[tuple, Launch] = {}
    for path in paths:
        found = _read_folder(path, problems) if path.is_dir() else _read_files([path], False, problems)
        for launch in found.values():
            twin = launches.setdefault(launch.key, launch)
            if twin is not launch:
                problems.append(
                    f"{launch.source}: launch {launch.name} of run {launch.head['run']} was already read "
                    f"from {twin.source}; left out, or it would count twice"
                )
    return list(launches.values())


def _read_folder(folder: Path, problems: list[str]) -> dict[tuple, Launch]:
    paths = sorted(folder.glob("*.json"))
    has_journal = (folder / journal.NAME).exists()
    if not paths and not has_journal:
        problems.append(f"{folder}: holds neither {journal.NAME} nor a *.json file; name a folder below results/raw")
    launches = _read_files(paths, has_journal, problems)
    if has_journal:
        told = read_journal(folder, launches, problems)
        launches = damage.joined(folder, told, launches, problems)
    elif paths and (folder / "lock").exists():
        problems.append(
            f"{folder}: {journal.NAME} is missing, which alone knows the cases that did not end well; bring it back"
        )
    damage.find_gaps(folder, launches.values(), problems)
    for launch in launches.values():
        _drop_unmeasured(launch, problems)
    return launches


def _read_files(paths: Iterable[Path], journaled: bool, problems: list[str]) -> dict[tuple, Launch]:
    launches: dict[tuple, Launch] = {}
    for path in paths:
        try:
            launch = read_file(path, journaled)
        except (ValueError, OSError) as error:
            what = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{path}: {what}. Left out: move it away, or measure that launch again")
            continue
        if launch is not None:
            launches.setdefault(launch.key, launch).outcomes.update(launch.outcomes)
    return launches


def _drop_unmeasured(launch: Launch, problems: list[str]) -> None:
    lost = [i for i, outcome in launch.outcomes.items() if outcome.status == "ok" and not outcome.times.size]
    for identity in lost:
        del launch.outcomes[identity]
    if lost:
        problems.append(
            f"{launch.source}: {len(lost)} finished cases of launch {launch.name} have their times in no "
            f"file; measure that launch again"
        )


def assemble(launches: list[Launch], problems: list[str], missing: list[str] | None = None) -> Loaded:
    """The table of what these launches measured; what had to be left out is added to `problems`."""
    launches = _alike(launches, problems)
    starts: dict[tuple, datetime] = {}
    for launch in launches:
        group = launch.head["run"], *launch.setting
        starts[group] = min(starts.get(group, launch.start), launch.start)
    rows = [
        _outcome_row(launch, outcome, starts[launch.head["run"], *launch.setting])
        for launch in launches
        for outcome in launch.outcomes.values()
    ]
    ceilings = cells.ceilings(rows)
    table = pd.DataFrame(map(_launch_row, launches), columns=LAUNCH_COLUMNS)
    return Loaded(cells.aggregate(rows, ceilings), table, ceilings, cells.medians(rows), missing or [], problems)


def _alike(launches: list[Launch], problems: list[str]) -> list[Launch]:
    """Launches of one run and backend are replicates only where nothing that matters differs between them."""
    first: dict[tuple, Launch] = {}
    kept = []
    for launch in launches:
        model = first.setdefault(launch.key[:3], launch).head["facts"]
        differences = machine.unlike(model, launch.head["facts"])
        if differences:
            problems.append(
                f"{launch.source}: launch {launch.name} is no replicate of the first in its run: "
                f"{differences}; left out, measure it as a run of its own"
            )
        else:
            kept.append(launch)
    return kept


def _outcome_row(launch: Launch, outcome: Outcome, run_start: datetime) -> dict[str, Any]:
    return {
        **{name: launch.head[name] for name in ("run", "backend", "device")},
        **{name: launch.head["facts"][name] for name in schema.FACTS},
        "timestamp": run_start,
        "pass": launch.head["pass"],
        **{name: outcome.cell.get(name) for name in (*schema.IDENTITY, "technique", *schema.MEASUREMENT_FIELDS)},
        "status": outcome.status,
        "reason": outcome.reason,
        "times": outcome.times,
    }


def _launch_row(launch: Launch) -> dict[str, Any]:
    return {
        **{name: launch.head[name] for name in ("run", "backend", "device", "launch", "pass")},
        "spawned": launch.spawned,
        "start": launch.start,
        "end": launch.end,
        "compiled_s": sum(map(_compiled, launch.outcomes.values())),
        "measured_s": sum(outcome.cell.get("measured_s") or 0.0 for outcome in launch.outcomes.values()),
        "returncode": launch.returncode,
        "in_flight": launch.in_flight,
        "left": launch.left,
        "settings": launch.head["settings"],
        "facts": launch.head["facts"],
    }


def _compiled(outcome: Outcome) -> float:
    """Seconds that a case spent on compiling: all of it, or its first call."""
    if outcome.cell["metric"] in schema.COMPILE_METRICS:
        return float(outcome.times.sum())
    return 0.0 if outcome.cell["mode"] == "eager" else outcome.cell.get("first_call_s") or 0.0


def _missing(paths: Iterable[Path], launches: Iterable[Launch]) -> list[str]:
    measured = {(launch.head["backend"], launch.head["device"]) for launch in launches}
    folders = [path for path in paths if path.is_dir()]
    found = {(b, d): reason for folder in folders for b, d, reason in read_missing(folder)}
    return [f"{b} on the {d}: {reason}" for (b, d), reason in found.items() if (b, d) not in measured]
