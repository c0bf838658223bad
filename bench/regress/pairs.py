"""Pairs of launches, base and head side by side, which measure the same cases in turns."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis.statistics.version_verdicts import speak
from bench.commandline import Refused
from bench.run import journal, machine
from bench.run.launches import PYTEST_NOTHING_COLLECTED, PYTEST_USAGE_ERROR, STARTUP_LIMIT_S, Launch, Plan
from bench.run.processes import STOP_LIMIT_S
from bench.run.turns import Gone, Granter, Hung, conduct

SIDES = ("base", "head")
FILES = {"forward": "bench/bench_forward.py", "backward": "bench/bench_backward.py"}
SAME_ON_BOTH_SIDES = ("backend_version", "keras_version", "numpy_version", "python", "threads", "precision")
ATTEMPTS = 2


class Pairs:
    """The pairs of one comparison.

    Its folder holds a run for each side and a journal of its own: which passes were whole pairs, of which stage, and
    which cells were given up. A pair that was cut short counts for nothing and is measured again.

    Args:
        plans: the plan of each side.
        device: "cpu" or "gpu".
        folder: where the comparison is kept.
        may_differ: facts that are allowed to differ between the sides.
    """

    def __init__(self, plans: dict[str, Plan], device: str, folder: Path, may_differ: Iterable[str] = ()):
        self.plans = plans
        self.device = device
        self.folder = folder
        self.may_differ = set(may_differ)
        for plan in plans.values():
            plan.run.mkdir(parents=True, exist_ok=True)

    def measure(self, stage: str, cases: list[str] | None, pairs: int) -> None:
        """Measures until the stage has that many pairs; all cases that both sides have where `cases` is None."""
        while (done := len(self._passes(stage))) < pairs:
            wanted = self._common() if cases is None else [case for case in cases if case not in self.given_up()]
            if wanted == []:
                return
            told = f"{len(wanted)} cells" if wanted else "all cells"
            print(
                f"{self.plans['head'].backend} {self.device}: {stage} pair {done + 1} of {pairs}, {told}", flush=True
            )
            self._pair(stage, wanted)

    def differences(self, stage: str) -> dict[str, list[float]]:
        """ln(head / base) of every whole pair, by case."""
        found: dict[str, list[float]] = {}
        times = {side: self._times(side) for side in SIDES}
        for number in self._passes(stage):
            for case, base in times["base"].get(number, {}).items():
                head = times["head"].get(number, {}).get(case)
                if head is not None:
                    found.setdefault(case, []).append(math.log(speak(head) / speak(base)))
        return found

    def cases(self, side: str) -> list[str]:
        """All cases that a side has, in the order in which they are measured."""
        launches = self._launches(side)
        return launches[0]["cases"] if launches else []

    def reasons(self) -> dict[str, str]:
        """Why cells lack values: what became of them where they did not end well."""
        found = {}
        for side in reversed(SIDES):
            for event in journal.read(self.plans[side].run):
                if event["event"] == "end" and event["status"] != "ok":
                    found[event["case"]] = f"{event['status']} in {side}: {event['reason']}"
        return found | self.given_up()

    def given_up(self) -> dict[str, str]:
        return {e["case"]: e["reason"] for e in self._events("given_up")}

    def facts(self, side: str) -> dict[str, Any]:
        launches = self._launches(side)
        return launches[-1]["facts"] if launches else {}

    # What the journals know.

    def _events(self, name: str) -> list[dict[str, Any]]:
        return [e for e in journal.read(self.folder) if e["event"] == name]

    def _passes(self, stage: str) -> list[int]:
        return [e["pass"] for e in self._events("pair") if e["stage"] == stage]

    def _launches(self, side: str) -> list[dict[str, Any]]:
        return [e for e in journal.read(self.plans[side].run) if e["event"] == "launch"]

    def _times(self, side: str) -> dict[int, dict[str, list[float]]]:
        found: dict[int, dict[str, list[float]]] = {}
        for event in journal.read(self.plans[side].run):
            if event["event"] == "end" and event["status"] == "ok":
                found.setdefault(event["launch"], {})[event["case"]] = event["benchmark"]["stats"]["data"]
        return found

    def _common(self) -> list[str] | None:
        """The cases to name: none, for all, as long as no launch showed that the sides have different ones."""
        if not all(self._launches(side) for side in SIDES):  # one may have been killed before it told its cases
            return None
        base, head = (self.cases(side) for side in SIDES)
        left = [case for case in base if case in head and case not in self.given_up()]
        return None if left == base == head else left

    # Measuring.

    def _pair(self, stage: str, cases: list[str] | None) -> None:
        number = 1 + max((e["launch"] for side in SIDES for e in self._launches(side)), default=0)
        order = (0, 1) if number % 2 else (1, 0)
        granters = [Granter() for _ in SIDES]
        launches: dict[int, Launch] = {}
        try:
            for index in order:  # who starts first, and who measures first, changes from pair to pair
                plan = replace(self.plans[SIDES[index]], targets=_targets(cases))
                launches[index] = Launch(plan, self.device, number, number, turns=granters[index].theirs)
                granters[index].close_theirs()
            limit = self.plans["base"].limit
            try:
                conduct(granters, order, limit, startup=STARTUP_LIMIT_S, begun=lambda: self._check_begun(number))
            except Unlike:
                if cases is not None:
                    raise Refused("the sides measure the same cells in different orders; name a later base") from None
                print("the sides have different cells; comparing those that both have", flush=True)
                return
            except Gone as gone:
                self._died(number, gone.index, launches[gone.index])
                return
            except Hung as hung:
                self._lost(number, hung.index, f"took longer than {limit:g} s", launches[hung.index].log)
                return
            if PYTEST_NOTHING_COLLECTED in [launch.wait(STOP_LIMIT_S) for launch in launches.values()]:
                raise Refused("no cell is chosen by these options")
        finally:
            for launch in launches.values():
                launch.kill()
                launch.keep_json()
            for granter in granters:
                granter.close()
        journal.append(self.folder, "pair", **{"pass": number, "stage": stage})

    def _check_begun(self, number: int) -> None:
        """Both sides have told what they are and what they will measure."""
        base, head = (next(e for e in self._launches(side) if e["launch"] == number) for side in SIDES)
        for name in SAME_ON_BOTH_SIDES:
            a, b = base["facts"].get(name), head["facts"].get(name)
            if a != b and name not in self.may_differ:
                raise Refused(f"the sides cannot be compared: {name} is {a!r} in base and {b!r} in head")
        for side, now in (("base", base), ("head", head)):
            if changed := machine.unlike(self._launches(side)[0]["facts"], now["facts"]):
                raise Refused(f"{side} is no longer what this comparison was begun with: {changed}; begin another one")
        if base["cases"] != head["cases"]:
            raise Unlike

    def _died(self, number: int, index: int, launch: Launch) -> None:
        side, code = SIDES[index], launch.wait(STARTUP_LIMIT_S)
        if code == journal.CANNOT_WRITE:
            raise journal.Unwritable(f"{side} cannot write its results: {journal.UNWRITABLE}")
        if code == PYTEST_USAGE_ERROR:
            raise Refused(f"{side}: {cause(launch.log) or f'a launch was refused; see {launch.log}'}")
        self._lost(number, index, launch.cause_of_death(code or 0), launch.log)

    def _lost(self, number: int, index: int, reason: str, log: Path) -> None:
        """A dead launch is repeated once; whoever kills it again is given up."""
        side = SIDES[index]
        events = [e for e in journal.read(self.plans[side].run) if e.get("launch") == number]
        case = journal.in_flight(events)
        if case is None:
            raise Refused(f"a launch of {side} ended outside its cases: {cause(log) or reason}")
        journal.append(self.folder, "death", case=case, side=side, reason=reason)
        print(f"{side}: {case}: {reason}", flush=True)
        deaths = Counter(e["case"] for e in self._events("death"))
        if deaths[case] >= ATTEMPTS:
            journal.append(self.folder, "given_up", case=case, reason=f"{side}: {reason}")


class Unlike(Exception):
    """The sides have different cells."""


def cause(log: Path) -> str:
    """The first line of the error that ended a launch before or between its cases, or nothing."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines()]
    refusals = [line for line in reversed(lines) if line.startswith("ERROR: ")]
    errors = [line for line in lines if line.startswith("E   ")]
    internal = [line for line in lines if re.match(r"INTERNALERROR> (E  +)?[\w.]*(Error|Exception|Exit)\b", line)]
    found = next(iter([*refusals, *errors, *internal]), "")
    told = re.sub(r"^(INTERNALERROR> |ERROR: )?(E  +)?", "", found)
    return f"{told}; see {log}" if told else ""


def _targets(cases: list[str] | None) -> tuple[str, ...]:
    if cases is None:
        return tuple(FILES.values())
    files = [(FILES[case.rpartition("/")[2]], case) for case in cases]
    return tuple(f"{file}::{Path(file).stem}[{case}]" for file, case in files)
