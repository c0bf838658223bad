"""The time left, told from what cases cost and what the finished ones took."""

import pytest

from bench.run import time_left
from bench.run.time_left import COSTS, Clock

TARGETS = [("tensorflow", "cpu"), ("jax", "cpu"), ("torch", "cpu")]
KINDS = ("eager/forward", "eager/backward", "jit/compile_cold", "jit/backward", "jit/forward")
CASES = [f"w{number}/medium/float32/{kind}" for number in range(8) for kind in KINDS]


class Simulated:
    """A run on a machine where everything takes `slower` times as long as expected, and a backend its own factor."""

    def __init__(self, monkeypatch, passes: int, slower: float, own: dict[str, float]):
        self.now, self.passes, self.slower, self.own = 0.0, passes, slower, own
        monkeypatch.setattr(time_left.time, "monotonic", lambda: self.now)
        self.clock = Clock(passes)
        for target in TARGETS:
            self.clock.join(target)

    def run(self):
        """Yields, after each case, the time at which it ended and the time left that was told."""
        launch = 0
        for number in range(1, self.passes + 1):
            for backend, device in TARGETS if number % 2 else TARGETS[::-1]:
                launch += 1
                who = {"backend": backend, "device": device, "launch": launch}
                pace = self.slower * self.own.get(backend, 1.0)
                cases = CASES if number == 1 else [case.replace("cold", "warm") for case in CASES]
                later = number > 1
                self.clock.note({"event": "spawn", **who, "pass": number}, live=True)
                self.now += pace * COSTS[backend]["start"][later]
                self.clock.note({"event": "launch", **who, "pass": number, "cases": cases}, live=True)
                for case in cases:
                    *_, mode, metric = case.split("/")
                    kind = metric if metric in COSTS[backend] else f"{mode} {metric}"
                    self.now += pace * COSTS[backend][kind][later]
                    self.clock.note({"event": "end", **who, "case": case}, live=True)
                    yield self.now, self.clock.seconds()


@pytest.mark.parametrize("slower", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("own", [{}, {"torch": 1.3}, {"tensorflow": 0.75}])
def test_from_the_tenth_case_on_it_is_right_within_a_third(monkeypatch, slower, own):
    told = list(Simulated(monkeypatch, 3, slower, own).run())
    end = told[-1][0]
    for now, left in told[9:-1]:
        assert left == pytest.approx(end - now, rel=1 / 3, abs=1.0)
    assert told[-1][1] == 0


def test_what_was_finished_before_takes_no_time(monkeypatch):
    clock = Clock(1)
    clock.join(TARGETS[1])
    who = {"backend": "jax", "device": "cpu", "launch": 1}
    clock.note({"event": "spawn", **who, "pass": 1}, live=False)
    clock.note({"event": "launch", **who, "pass": 1, "cases": CASES}, live=False)
    before = clock.seconds()
    for case in CASES[:20]:
        clock.note({"event": "end", **who, "case": case}, live=False)
    assert clock.seconds() == pytest.approx(before / 2, rel=0.1)


def test_a_backend_that_leaves_has_no_time_left():
    clock = Clock(1)
    clock.join(TARGETS[0])
    clock.note(
        {"event": "launch", "backend": "tensorflow", "device": "cpu", "launch": 1, "pass": 1, "cases": CASES},
        live=True,
    )
    assert clock.seconds() > 0
    clock.targets.remove(TARGETS[0])
    assert clock.seconds() == 0


def test_a_mode_that_another_backend_lacks_takes_it_no_time():
    graph = [case.replace("jit", "graph") for case in CASES if "compile" not in case]
    told = []
    for cases in (CASES, [*CASES, *graph]):
        clock = Clock(1)
        for target in TARGETS[:2]:
            clock.join(target)
        who = {"backend": "tensorflow", "device": "cpu", "launch": 1}
        clock.note({"event": "launch", **who, "pass": 1, "cases": cases}, live=True)
        for case in cases:
            clock.note({"event": "end", **who, "case": case}, live=True)
        told.append(clock.seconds())
    assert told[0] == told[1] > 0
