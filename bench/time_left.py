"""How long a run will still take, from what its cases are expected to cost and what the finished ones did.

Standard library only.
"""

import time
from collections import defaultdict
from typing import Any

Target = tuple[str, str]
"""A backend and a device."""

COSTS = {
    "tensorflow": {"start": 12.0, "compile_cold": 1.6, "compile_warm": 0.9, "eager": 0.5, "graph": 0.4, "jit": 0.7},
    "jax": {"start": 6.0, "compile_cold": 1.2, "compile_warm": 0.6, "eager": 0.5, "graph": 0.4, "jit": 0.5},
    "torch": {"start": 20.0, "compile_cold": 6.0, "compile_warm": 1.6, "eager": 0.4, "graph": 0.4, "jit": 1.6},
}
"""Seconds that a launch takes to start, and each kind of case. Only what they are to each other matters: the finished
cases of a run tell how much faster or slower its machine is."""
OWN_WEIGHT_S = 20.0
"""Expected seconds of its own after which a backend's pace counts as much as that of all."""
PAGE_S = 12.0


class Clock:
    """The time left of all the backends that one command measures.

    Args:
        passes: how often each case is measured.
    """

    def __init__(self, passes: int):
        self.passes = passes
        self.targets: list[Target] = []
        self.planned: dict[tuple[Target, int], list[str]] = {}
        self.ended: dict[tuple[Target, int], set[str]] = defaultdict(set)
        self.expected: dict[Target, float] = defaultdict(float)
        self.spent: dict[Target, float] = defaultdict(float)
        self._pass: dict[tuple[Target, int], int] = {}
        self._since: float | None = None

    def join(self, target: Target) -> None:
        self.targets.append(target)

    def note(self, event: dict[str, Any], *, live: bool) -> None:
        """Takes in an event of the journal, as it is written, or long after."""
        target = (event["backend"], event["device"])
        now = time.monotonic()
        if event["event"] == "spawn" and live:
            self._since = now
            self.expected[target] += COSTS[target[0]]["start"]
        elif event["event"] == "launch":
            self._pass[target, event["launch"]] = event["pass"]
            self.planned[target, event["pass"]] = event["cases"]
        elif event["event"] == "end":
            number = self._pass[target, event["launch"]]
            self.ended[target, number].add(event["case"])
            if live and self._since is not None:
                self.expected[target] += _cost(target, event["case"])
                self.spent[target] += now - self._since
                self._since = now

    def seconds(self) -> float:
        """Returns the time left, pages included."""
        pace = _ratio(sum(self.spent.values()), sum(self.expected.values()))
        left = 0.0
        for target in self.targets:
            own = _ratio(self.spent[target] + OWN_WEIGHT_S * pace, self.expected[target] + OWN_WEIGHT_S)
            for number in range(1, self.passes + 1):
                cases = set(self._cases(target, number)) - self.ended[target, number]
                begun = (target, number) in self.planned
                start = COSTS[target[0]]["start"] if cases and not begun else 0.0
                left += own * (start + sum(_cost(target, case) for case in cases))
        return left

    def told(self) -> str:
        seconds = self.seconds()
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _cases(self, target: Target, number: int) -> list[str]:
        """The cases of a pass; before it begins, what is most like it: an earlier pass, then another backend's."""
        known = self.planned.get((target, number))
        if known is not None:
            return known
        likely = [key for key in self.planned if key[0] == target] or list(self.planned)
        old, new = ("compile_warm", "compile_cold") if number == 1 else ("compile_cold", "compile_warm")
        return [case.replace(old, new) for case in self.planned[likely[-1]]] if likely else []


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if top and bottom else 1.0


def _cost(target: Target, case: str) -> float:
    *_, mode, metric = case.split("/")
    costs = COSTS[target[0]]
    return costs.get(metric, costs[mode])
