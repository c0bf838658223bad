"""The working tree against stored results: new launches with the same settings, compared where that is honest."""

import argparse
import time
from pathlib import Path
from typing import Any

from bench.analysis.pages import regressions
from bench.analysis.statistics import stored_sessions, version_verdicts
from bench.analysis.tables import two_runs
from bench.analysis.tables.load import read
from bench.analysis.tables.records import Launch as StoredLaunch
from bench.commandline import Refused
from bench.regress import calibration
from bench.regress.pairs import FILES
from bench.run import machine
from bench.run.launches import Passes, Plan

LAUNCHES = 8
# The first are known before anything is measured.
MACHINE = ("machine", "cpu", "cores", "python")
VERSIONS = ("surroundings", "backend_version", "keras_version", "numpy_version", "device_name", "driver")
SETTINGS = ("threads", "precision", "profile", "seconds")


def compare(option: argparse.Namespace, folder: Path, backend: str, command: str) -> int:
    """Measures, writes tables and page, prints the verdicts; returns the exit code."""
    began = time.monotonic()
    baseline = _read(option.against_baseline, backend, option.device)
    before = baseline[0].head
    notes = [f"against stored results of {before['facts']['commit'][:12]}"]
    settings = before["settings"]
    wanted = {name: getattr(option, name) for name in SETTINGS if getattr(option, name) is not None}
    unlike = _unlike(settings, wanted, tuple(wanted))
    unlike += _unlike(before["facts"], machine.facts(option.machine), MACHINE)
    _refuse(unlike, notes, force=option.force)

    plan = Plan(
        backend=backend,
        profile=wanted.get("profile", settings["profile"]),
        workloads=[name for name in option.workloads.split(",") if name] or settings["workloads"],
        launches=LAUNCHES,
        seconds=wanted.get("seconds", settings["seconds"]),
        threads=wanted.get("threads", settings["threads"]),
        precision=wanted.get("precision", settings["precision"]),
        limit=option.limit or settings["limit"],
        keyword=option.keyword or settings["keyword"],
        run=folder / "head",
        root=machine.ROOT,
        machine=option.machine,
        targets=tuple(FILES.values()),
    )
    plan.run.mkdir(parents=True, exist_ok=True)
    passes = Passes(plan, option.device)
    passes.measure(1)
    now = read([plan.run], [])[0].head["facts"]
    _refuse(_unlike(before["facts"], now, VERSIONS), notes, force=option.force)
    passes.measure()

    head = _values(read([plan.run], []))
    base = _values(baseline)
    floors, lacking = calibration.floors(calibration.path(folder.parents[2], backend, option.device), now)
    verdicts = stored_sessions.judge(base, head, floors)
    chosen = base.keys() & head.keys() if option.keyword or option.workloads else base.keys()
    for case in chosen - verdicts.keys():
        count = f"{len(base[case])} launches in the baseline, {len(head.get(case, []))} today"
        verdicts[case] = version_verdicts.not_compared(
            f"a verdict needs {stored_sessions.STORED_LAUNCHES} launches: {count}"
        )
    notes += [lacking] if lacking else []
    notes += two_runs.told_of_sessions(verdicts)
    title = f"{backend} {option.device}: working tree against {option.against_baseline}"
    told = regressions.Told(title, command, (time.monotonic() - began) / 60, notes, now)
    return regressions.conclude(verdicts, told, backend, option.device, folder)


def _read(folder: Path, backend: str, device: str) -> list[StoredLaunch]:
    problems: list[str] = []
    found = [x for x in read([folder], problems) if (x.head["backend"], x.head["device"]) == (backend, device)]
    machines = sorted({launch.setting[0] for launch in found})
    if len(machines) > 1:
        raise Refused(f"{folder} mixes results of {' and '.join(machines)}; a baseline is of one machine")
    if len(found) < stored_sessions.STORED_LAUNCHES:
        raise Refused(
            f"{folder} has {len(found)} launches of {backend} on {device}, a verdict needs "
            f"{stored_sessions.STORED_LAUNCHES}: measure it again with --launches {LAUNCHES}"
        )
    return found


def _unlike(before: dict[str, Any], now: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [
        f"{name} {before.get(name)!r} there, {now.get(name)!r} here"
        for name in names
        if before.get(name) != now.get(name)
    ]


def _refuse(unlike: list[str], notes: list[str], *, force: bool) -> None:
    if unlike and not force:
        raise Refused(f"the baseline cannot be compared: {'; '.join(unlike)}; --force compares all the same")
    notes += [f"forced although {difference}" for difference in unlike]


def _values(found: list[StoredLaunch]) -> dict[str, list[float]]:
    """What each launch says of each cell that runs."""
    of_backend = two_runs.spoken(found).items()
    return {"/".join(case): values for (_, _, *case), values in of_backend if case[-1] in FILES}
