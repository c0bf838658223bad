"""How long a run will still take, from what its cases are expected to cost and what the finished ones did.

Standard library only.
"""

import time
from collections import defaultdict
from typing import Any

Target = tuple[str, str]
"""A backend and a device."""

COSTS = {
    "tensorflow": {
        **{"start": (9.0, 9.0), "compile_cold": (1.8, 0.0), "compile_warm": (0.0, 1.3)},
        **{"eager forward": (0.3, 0.3), "eager backward": (0.8, 0.8)},
        **{"graph forward": (0.4, 0.4), "graph backward": (0.4, 0.4)},
        **{"jit forward": (0.6, 0.6), "jit backward": (0.35, 0.35)},
    },
    "jax": {
        **{"start": (4.0, 4.0), "compile_cold": (1.0, 0.0), "compile_warm": (0.0, 0.3)},
        **{"eager forward": (0.5, 0.5), "eager backward": (4.0, 1.4)},
        **{"jit forward": (0.5, 0.35), "jit backward": (0.35, 0.35)},
    },
    "torch": {
        **{"start": (14.0, 8.0), "compile_cold": (4.8, 0.0), "compile_warm": (0.0, 1.2)},
        **{"eager forward": (0.25, 0.25), "eager backward": (1.5, 0.9)},
        **{"jit forward": (2.3, 1.3), "jit backward": (0.3, 0.3)},
    },
}
"""Seconds that a launch takes to start, and each kind of case: in the first pass, and in a later one, which finds what
the first has compiled. Only what they are to each other matters: the finished cases of a run tell how much faster or
slower its machine is."""
NOTHING = (0.0, 0.0)
"""What a mode costs that only another backend has."""
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
            self.expected[target] += _start(target, event["pass"])
        elif event["event"] == "launch":
            self._pass[target, event["launch"]] = event["pass"]
            self.planned[target, event["pass"]] = event["cases"]
        elif event["event"] == "end":
            number = self._pass[target, event["launch"]]
            self.ended[target, number].add(event["case"])
            if live and self._since is not None:
                self.expected[target] += _cost(target, event["case"], number)
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
                start = _start(target, number) if cases and not begun else 0.0
                left += own * (start + sum(_cost(target, case, number) for case in cases))
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


def _start(target: Target, number: int) -> float:
    return COSTS[target[0]]["start"][number > 1]


def _cost(target: Target, case: str, number: int) -> float:
    *_, mode, metric = case.split("/")
    kind = metric if metric.startswith("compile") else f"{mode} {metric}"
    return COSTS[target[0]].get(kind, NOTHING)[number > 1]
