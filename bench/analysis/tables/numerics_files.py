"""The files of a run of `bench.numerics` -> its records; what is damaged or missing among them, by name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis.tables import schema
from bench.numerics.run_folder import (
    DRAWS,
    ORACLE,
    Damaged,
    Settings,
    is_list_of,
    is_whole,
    planned,
    read_arrays,
    read_object,
)

PHASES = ("inference", "training")
STEPS = ("1e-06", "1e-09")
# What each array of a worker is of, by the first part of its name.
DTYPES = {
    **dict.fromkeys(("eager", "jit", "again", "exact"), ("float16", "float32", "float64")),
    **dict.fromkeys(("noise", "draws"), ("float64",)),
    "hostile": ("int8",),
}
# Failures after which nothing else of a technique is there.
FILE, PROCESS, BUILD, CHOICE = "file", "process", "build", "phases"
ENDED = (FILE, PROCESS, BUILD, CHOICE)

# The remedy where something is damaged that all results of a run depend on.
ANEW = "compute another with python -m bench.numerics --run NAME"

Arrays = dict[str, np.ndarray]
Check = Callable[[Any], bool]


class Unreadable(Exception):
    """A run that cannot be judged; the text is one line that says why."""


@dataclass(frozen=True)
class Record:
    """What one process computed of one technique in one dtype; `path` is that of its notes."""

    path: Path
    arrays: Arrays = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=lambda: {"failures": {}})

    @property
    def failures(self) -> dict[str, str]:
        return self.notes["failures"]

    @property
    def has_ended(self) -> bool:
        """Whether a failure explains that nothing else is there."""
        return not self.failures.keys().isdisjoint(ENDED)

    @property
    def remedy(self) -> str:
        """What to do where something of it is damaged or missing."""
        return f"delete {self.path} and {again(self.path.parents[2])}"

    def under(self, prefix: str) -> Arrays:
        """The arrays below a prefix, without it."""
        return {k.removeprefix(f"{prefix}/"): v for k, v in self.arrays.items() if k.startswith(f"{prefix}/")}


@dataclass(frozen=True)
class Run:
    """One run folder. `records` is keyed by worker, dtype and technique."""

    folder: Path
    settings: Settings
    workers: list[str]
    abouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    records: dict[tuple[str, str, str], Record] = field(default_factory=dict)
    cases: dict[tuple[str, str], Arrays] = field(default_factory=dict)
    damage: list[tuple[str, str]] = field(default_factory=list)
    """Of files that no record stands for: what they are of, a technique or a worker, and one line."""

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def backends(self) -> list[str]:
        """Those that the run was to compare."""
        return [b for b in schema.BACKENDS if f"{b}-{self.settings.device}" in self.workers]

    def record(self, backend: str, dtype: str, technique: str) -> Record | None:
        return self.records.get((f"{backend}-{self.settings.device}", dtype, technique))


def read(folder: Path) -> Run:
    """Reads a run folder; raises `Unreadable` where nobody can say what there is to judge."""
    try:
        there = [path.parent.name for path in sorted(folder.glob("*/facts.json"))]
        run = Run(folder, Settings.load(folder), [*dict.fromkeys([*planned(folder), *there])])
    except Damaged as damaged:
        raise Unreadable(f"{folder} is no run of bench.numerics: {damaged}; {ANEW}") from None
    if ORACLE not in run.workers:
        raise Unreadable(f"{folder} has no oracle; compute another with --run NAME, first where JAX is installed")
    if not run.backends:
        raise Unreadable(f"{folder} has no backend to compare; {again(folder)}")
    for worker in run.workers:
        run.facts[worker] = _read(folder / worker / "facts.json", FACTS, run, worker, again(folder)) or {}
        for path in sorted((folder / worker).glob("*/*.json")):
            run.records[worker, path.parent.name, path.stem] = _record(path)
    techniques = {name: None for facts in run.facts.values() for name in facts.get("techniques", [])}
    for technique in techniques | {key[2]: None for key in run.records}:
        run.abouts[technique] = _about(run, technique)
    for worker, dtype, technique in run.records:
        if worker == ORACLE and not run.records[worker, dtype, technique].has_ended:
            run.cases[dtype, technique] = _case(run, dtype, technique)
    return run


def again(folder: Path) -> str:
    """The remedy where something of a run is missing."""
    return f"go on with --run {folder.name}"


def _about(run: Run, technique: str) -> dict[str, Any]:
    path = run.folder / "cases" / f"{technique}.json"
    records = [run.records.get((ORACLE, dtype, technique)) for dtype in run.settings.dtypes]
    if not path.exists() and all(record is None or record.has_ended for record in records):
        return NOTHING_KNOWN  # the oracle has not come as far, and has rows that say so
    return _read(path, ABOUT, run, technique, ANEW) or NOTHING_KNOWN


def _case(run: Run, dtype: str, technique: str) -> Arrays:
    path = run.folder / "cases" / dtype / f"{technique}.npz"
    try:
        if arrays := read_arrays(path):
            return arrays
        raise Damaged(f"{path} is damaged: it holds no inputs")
    except Damaged as damaged:
        run.damage.append((technique, f"{damaged}; {ANEW}"))
        return {}


def _read(path: Path, checks: dict[str, Check], run: Run, whose: str, remedy: str) -> dict[str, Any] | None:
    try:
        return _checked(path, checks)
    except Damaged as damaged:
        run.damage.append((whose, f"{damaged}; {remedy}"))
        return None


def _record(path: Path) -> Record:
    """A record of which a file is damaged or missing has that as a failure."""
    record = Record(path)
    try:
        record = Record(path, notes=_checked(path, NOTES))
        if PROCESS in record.failures:  # it died before it could write any arrays
            return record
        return Record(path, _checked_arrays(path.with_suffix(".npz")), record.notes)
    except Damaged as damaged:
        failures = {**record.failures, FILE: f"{damaged}; {record.remedy}"}
        return Record(path, notes={**record.notes, "failures": failures})


# What the JSON files hold. ------------------------------------------------------------------------------------------


def _checked(path: Path, checks: dict[str, Check]) -> dict[str, Any]:
    found = read_object(path)
    for name, check in checks.items():
        is_absent = name not in found and name in OPTIONAL
        if not is_absent and not check(found.get(name)):
            raise Damaged(f"{path} is damaged: {name} is {found.get(name)!r:.80}")
    return found


def _checked_arrays(path: Path) -> Arrays:
    arrays = read_arrays(path)
    for name, array in arrays.items():
        kind = name.split("/")[0]
        if array.dtype.name not in DTYPES.get(kind, ()):
            raise Damaged(f"{path} is damaged: {name} is of {array.dtype}")
        if kind == "draws" and array.shape != DRAWS:
            raise Damaged(f"{path} is damaged: {name} has the shape {array.shape}")
    return arrays


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (is_whole(value) and abs(value) < 2**63)


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


FACTS: dict[str, Check] = {"techniques": lambda value: bool(value) and _are_texts(value)}
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
# Of the role float64 alone.
OPTIONAL = ("narrow", "slopes")
NOTHING_KNOWN: dict[str, Any] = {"random": False, "finite": [], "tolerances": {}, "phases": [], "hostile": []}


def missing(record: Record, wanted: dict[str, str]) -> Iterator[str]:
    """The arrays that were planned and are not there, unless the part that makes them, their value, has failed."""
    if not record.has_ended:
        yield from (name for name, part in wanted.items() if name not in record.arrays and part not in record.failures)


def same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())
