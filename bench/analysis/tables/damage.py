"""What a run must hold and does not: its journal, its files and the numbers of its launches vouch for each other.

Not every absence is damage. A pass is split over several processes, each with a share of the cases; a process dies
and the next goes on; whoever interrupts a run, and whoever looks at it while it is measured, finds the last pass
unfinished. Of such a pass `Launch.left` counts the cases, and the page calls it preliminary.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from bench.analysis import formats
from bench.analysis.tables.records import Launch, case_name
from bench.run import journal

ENDED = (0, 1)
"""Exit codes of a process that measured all of its share; 1: some case failed."""
NAMED = 3

Filed = Mapping[tuple, Launch]
"""The launches that have a file, by their keys."""


def joined(folder: Path, told: Filed, filed: Filed, problems: list[str]) -> dict[tuple, Launch]:
    """Every launch of a run, from its journal (`told`) and its files; what does not fit is added to `problems`."""
    path = folder / journal.NAME
    known = {key[1:] for key in told}
    untold = {key: launch for key, launch in filed.items() if key not in told}
    for key, launch in untold.items():
        if key[1:] in known:
            problems.append(
                f"{launch.source}: its run is {key[0]!r}, to the journal beside it the launch is one of another run. "
                f"Left out: move it away"
            )
    untold = {key: launch for key, launch in untold.items() if key[1:] not in known}
    if untold:
        problems.append(
            f"{path}: damaged: it does not tell of {_listed(launch.name for launch in untold.values())}. Read from "
            f"the files, without the cases that did not end well; bring the whole journal back"
        )
    for key in told.keys() & filed.keys():
        _check_file(told[key], filed[key], path, problems)
    _find_lost_files(folder, told, problems)
    _find_lost_cases(path, [*told.values()], problems)
    return {**untold, **told}


def _check_file(launch: Launch, file: Launch, path: Path, problems: list[str]) -> None:
    cases = {case_name(identity): identity for identity in file.outcomes}
    unplanned = cases.keys() - set(launch.planned)
    for case in unplanned:
        del launch.outcomes[cases[case]]
    if unplanned:
        problems.append(
            f"{file.source}: damaged: launch {launch.name} did not plan {_listed(sorted(unplanned))}. Left out: "
            f"measure that launch again"
        )
    unended = cases.keys() - launch.ended - unplanned
    if unended or launch.returncode is None:
        what = _listed(sorted(unended)) if unended else "it"
        problems.append(
            f"{path}: damaged: it does not tell how launch {launch.name} ended {what}, of which there is a file; read "
            f"from the file"
        )
    launch.ended |= cases.keys() - unplanned


def _find_lost_files(folder: Path, told: Filed, problems: list[str]) -> None:
    """Names the files of launches that ended well; a journal that is kept alone has none, and holds everything."""
    paths = {launch.name: folder / f"{launch.name}.json" for launch in told.values() if launch.returncode in ENDED}
    lost = [name for name, path in paths.items() if not path.exists() or not path.stat().st_size]
    if lost and any(folder.glob("*.json")):
        problems.append(
            f"{folder}: the files of {_listed(lost)} are missing or empty; read from the journal, bring them back"
        )


def _find_lost_cases(path: Path, told: Sequence[Launch], problems: list[str]) -> None:
    """Of each pass, what its last launch planned and none of its launches ended."""
    last = {(launch.head["backend"], launch.head["device"]): launch for launch in told}
    passes: dict[tuple, list[Launch]] = {}
    for launch in told:
        passes.setdefault((launch.head["backend"], launch.head["device"], launch.head["pass"]), []).append(launch)
    for (backend, device, number), launches in passes.items():
        ended = {case for launch in launches for case in launch.ended}
        for launch in launches:
            if launch.in_flight in ended:  # by a launch that came later
                launch.in_flight = ""
        lost = [case for case in launches[-1].planned if case not in ended]
        if lost and launches[-1] is last[backend, device] and _may_go_on(launches[-1], lost):
            launches[-1].left = len(lost)
        elif lost:
            problems.append(
                f"{path}: damaged: it does not tell how pass {number} over {backend} on the {device} ended "
                f"{formats.count(len(lost), 'case')}: {_listed(lost)}. Left out: measure it again with --resume, or "
                f"bring the whole journal back"
            )


def _may_go_on(launch: Launch, lost: Sequence[str]) -> bool:
    """Whether a launch was interrupted, or measured its whole share and leaves another one."""
    if launch.returncode not in ENDED:
        return True
    own, other = _models(launch.ended), _models(lost)
    return len(_models(launch.planned)) > journal.MODELS and not own & other


def _models(cases: Iterable[str]) -> set[str]:
    return {case.rsplit("/", 2)[0] for case in cases}


def find_gaps(folder: Path, launches: Iterable[Launch], problems: list[str]) -> None:
    """Launches of a backend and device are numbered without gaps."""
    numbers: dict[tuple[str, str], set[int]] = {}
    for launch in launches:
        numbers.setdefault((launch.head["backend"], launch.head["device"]), set()).add(launch.head["launch"])
    for (backend, device), known in numbers.items():
        names = (f"{backend}-{device}-{n}" for n in range(1, max(known)) if n not in known)
        lost = _listed(name for name in names if not (folder / f"{name}.json").exists())
        if lost:
            problems.append(f"{folder}: nothing is left of {lost}; bring it back, or measure it again")


def _listed(names: Iterable[str]) -> str:
    first = [*islice(names, NAMED + 1)]
    return ", ".join(first[:NAMED]) + (" and more" if len(first) > NAMED else "")
