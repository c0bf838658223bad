"""The files of a run of `bench.numerics` -> its records; what is damaged or missing among them, by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis import schema
from bench.numerics.run import ORACLE, Damaged, Settings, is_list_of, read_arrays, read_object

PHASES = ("inference", "training")
STEPS = ("1e-06", "1e-09")
# Failures after which nothing else of a technique is there.
FILE, PROCESS, BUILD, CHOICE = "file", "process", "build", "phases"
ENDED = (FILE, PROCESS, BUILD, CHOICE)

Arrays = dict[str, np.ndarray]
Check = Callable[[Any], bool]


class Unreadable(Exception):
    """A run that cannot be judged; the text is one line that says why."""


@dataclass(frozen=True)
class Record:
    """What one process computed of one technique in one dtype."""

    arrays: Arrays
    notes: dict[str, Any]

    @property
    def failures(self) -> dict[str, str]:
        return self.notes["failures"]

    @property
    def has_ended(self) -> bool:
        """Whether a failure explains that nothing else is there."""
        return not self.failures.keys().isdisjoint(ENDED)

    def under(self, prefix: str) -> Arrays:
        """The arrays below a prefix, without it."""
        return {k.removeprefix(f"{prefix}/"): v for k, v in self.arrays.items() if k.startswith(f"{prefix}/")}


@dataclass(frozen=True)
class Run:
    """One run folder. `records` is keyed by worker, dtype and technique."""

    name: str
    settings: Settings
    abouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    cases: dict[tuple[str, str], Arrays] = field(default_factory=dict)
    damage: list[tuple[str, str]] = field(default_factory=list)
    """Of files that no record stands for: what they are of, a technique or a worker, and one line."""

    @property
    def backends(self) -> list[str]:
        return [b for b in schema.BACKENDS if f"{b}-{self.settings.device}" in self.facts]

    def record(self, backend: str, dtype: str, technique: str) -> Record | None:
        return self.records.get((f"{backend}-{self.settings.device}", dtype, technique))


def read(folder: Path) -> Run:
    """Reads a run folder; raises `Unreadable` where there is nothing to judge."""
    try:
        settings = Settings.load(folder)
    except Damaged as damaged:
        raise Unreadable(f"{folder} is no run of bench.numerics, or damaged: {damaged}") from None
    run = Run(folder.name, settings)
    for path in sorted(folder.glob("*/*/*.json")):
        if path.parts[-3] != "cases":
            run.records[path.parts[-3], path.parts[-2], path.stem] = _record(path)
    for worker in sorted({path.parent.name for path in folder.glob("*/facts.json")} | {key[0] for key in run.records}):
        run.facts[worker] = _read(folder / worker / "facts.json", FACTS, run, worker) or {}
    for path in sorted(folder.glob("cases/*.json")):
        run.abouts[path.stem] = _read(path, ABOUT, run, path.stem) or NOTHING_KNOWN
    for path in sorted(folder.glob("cases/*/*.npz")):
        run.cases[path.parent.name, path.stem] = _arrays(path, run, path.stem)
    if not run.backends or not (run.abouts or run.records):
        raise Unreadable(f"{folder} has no results yet; compute them with: python -m bench.numerics")
    if ORACLE not in run.facts:
        raise Unreadable(f"{folder} has no oracle; compute it where JAX is installed")
    _miss(folder, run)
    return run


def _miss(folder: Path, run: Run) -> None:
    """Names the files that must be there as others are; what only one process had to compute is the judge's."""
    planned = [name for facts in run.facts.values() for name in facts.get("techniques", [])]
    for technique in dict.fromkeys([*planned, *(key[2] for key in run.records)]):
        if technique not in run.abouts:
            run.abouts[technique] = NOTHING_KNOWN
            if not _cannot_begin(run, technique):
                run.damage.append((technique, f"{folder / 'cases' / technique}.json is missing"))
    for worker, dtype, technique in run.records:
        has_case = (dtype, technique) in run.cases or run.records[worker, dtype, technique].has_ended
        if worker == ORACLE and not has_case:
            run.damage.append((technique, f"{folder / 'cases' / dtype / technique}.npz is missing"))


def _cannot_begin(run: Run, technique: str) -> bool:
    """Whether the oracle could not say anything of a technique."""
    records = [run.records.get((ORACLE, dtype, technique)) for dtype in run.settings.dtypes]
    return all(record is None or record.has_ended for record in records)


def _read(path: Path, checks: dict[str, Check], run: Run, whose: str) -> dict[str, Any] | None:
    try:
        return _checked(path, checks)
    except Damaged as damaged:
        run.damage.append((whose, str(damaged) if path.exists() else f"{path} is missing"))
        return None


def _arrays(path: Path, run: Run, whose: str) -> Arrays:
    try:
        return read_arrays(path)
    except Damaged as damaged:
        run.damage.append((whose, str(damaged)))
        return {}


def _record(path: Path) -> Record:
    """A record of which a file is damaged or missing has that as a failure."""
    try:
        notes = _checked(path, NOTES)
    except Damaged as damaged:
        return Record({}, {"failures": {FILE: str(damaged)}})
    arrays = path.with_suffix(".npz")
    try:
        if arrays.exists():
            return Record(read_arrays(arrays), notes)
        reason = f"{arrays} is missing"
    except Damaged as damaged:
        reason = str(damaged)
    if PROCESS in notes["failures"]:  # it died before it could write them
        return Record({}, notes)
    return Record({}, {**notes, "failures": {**notes["failures"], FILE: reason}})


# What the JSON files hold. ------------------------------------------------------------------------------------------


def _checked(path: Path, checks: dict[str, Check]) -> dict[str, Any]:
    found = read_object(path)
    for name, check in checks.items():
        is_absent = name not in found and name in OPTIONAL
        if not is_absent and not check(found.get(name)):
            raise Damaged(f"{path} is damaged: {name} is {found.get(name)!r:.80}")
    return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)


def _are_texts(value: Any) -> bool:
    return is_list_of(value, _is_text)


def _is_slope(value: Any) -> bool:
    return is_list_of(value, _is_number) and len(value) == 3


def _is_tolerance(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_number(value[0]) and _is_text(value[1])


def _mapping(check: Check, names: tuple[str, ...] = ()) -> Check:
    """An object with such values, and with no other names than those."""

    def is_one(value: Any) -> bool:
        if not isinstance(value, dict) or (names and not value.keys() <= {*names}):
            return False
        return all(map(check, value.values()))

    return is_one


FACTS: dict[str, Check] = {"techniques": _are_texts}
ABOUT: dict[str, Check] = {
    "technique": _is_text,
    "paper": _is_text,
    "random": lambda value: isinstance(value, bool),
    "finite": _are_texts,
    "tolerances": _mapping(_is_tolerance),
    "phases": lambda value: is_list_of(value, lambda phase: phase in PHASES),
    "hostile": _are_texts,
}
NOTES: dict[str, Check] = {
    "failures": _mapping(_is_text),
    "narrow": _mapping(_are_texts, PHASES),
    "slopes": _mapping(_mapping(_is_slope, STEPS), PHASES),
}
OPTIONAL = ("techniques", "hostile", "narrow", "slopes")
NOTHING_KNOWN: dict[str, Any] = {"random": False, "finite": [], "tolerances": {}, "phases": [], "hostile": []}


def missing(record: Record, wanted: dict[str, str]) -> Iterator[str]:
    """The arrays that were planned and are not there, unless the part that makes them, their value, has failed."""
    if not record.has_ended:
        yield from (name for name, part in wanted.items() if name not in record.arrays and part not in record.failures)


def same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())
