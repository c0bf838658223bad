"""One cell, measured: the timed step, its warm-up, how many rounds, and what is recorded beside the times."""

import math
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from backends.protocol import Adapter, Program
from bench.run import gpu, machine, turns

MIN_BLOCK_S = 5e-3
MAX_ROUNDS = 400
WARM_UP_CALLS, WARM_UP_S = 1, 0.05
PILOT_BLOCKS = 10
TARGET_HALF_WIDTH = {"cpu": 0.02, "gpu": 0.01}
Z_99 = 2.576


class DeviceClock:
    """A clock that is read once the device is idle, so that a round ends when its results are there.

    pytest-benchmark reads it twice a round. `before_round` is called ahead of the first of the two.
    """

    __name__ = "clock"

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        self.settle: Callable[[], None] = _nothing
        self.before_round: Callable[[], None] = _nothing
        self._in_round = False

    def __call__(self) -> float:
        self._in_round = not self._in_round
        if self._in_round:
            self.before_round()
        self.settle()
        return time.perf_counter()


def _nothing() -> None:
    pass


clock = DeviceClock()


class Step:
    """A program's step as pytest-benchmark calls it; keeps the last results for the clock to wait for."""

    def __init__(self, adapter: Adapter, program: Program):
        self.adapter = adapter
        self.program = program
        self.results: Any = None

    def __call__(self) -> None:
        self.results = self.program.run()

    def settle(self) -> None:
        self.adapter.wait(self.results)


def measure(
    benchmark, step: Step, *, device: str, seconds: float, launches: int, asker: turns.Asker | None
) -> dict[str, Any]:
    """Times a step with pytest-benchmark and returns what is recorded beside its times.

    A round is a block of calls with one wait at its end, at least 5 ms long. The number of rounds is chosen from a
    pilot, not while looking at the rounds themselves: as many as should bring the 99 % interval of the median to
    2 % (CPU) or 1 % (GPU), at most 400 and at most what fits into `seconds`. But never fewer than 3, or than 6 where
    fewer than three launches are planned: the interval then comes from the rounds, and fewer of them have none.

    A launch that is compared with another one has an `asker`: it measures in turns, a few rounds a visit.

    Raises:
        RuntimeError: the step was traced again while it was timed.
    """
    began = time.perf_counter()
    step()  # the first call traces and compiles
    step.settle()
    first = time.perf_counter()
    if asker:
        asker.ask(turns.VISIT)
    calls, pilot = _pilot(step, _warm_up(step), seconds)
    target = TARGET_HALF_WIDTH[device]
    rounds, reason = _choose_rounds(pilot, target, seconds, at_least=3 if launches >= 3 else 6)
    clock.rest()
    clock.settle = step.settle
    if asker:
        clock.before_round = _Visits(asker, step, rounds).before_round
    traces = step.program.traces()
    watch = gpu.state if device == "gpu" else dict
    before, stopped = watch(), machine.throttled()
    usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    benchmark.pedantic(step, rounds=rounds, iterations=calls)
    elapsed, spent = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    after = watch()
    step.settle()
    ended = time.perf_counter()
    clock.rest()
    if step.program.traces() != traces:
        raise RuntimeError(f"the step was traced again while it was timed: {traces} -> {step.program.traces()} traces")
    reached = half_width(np.asarray(benchmark.stats.stats.data)) <= target
    cpu = spent.ru_utime + spent.ru_stime - usage.ru_utime - usage.ru_stime
    return {
        "calls_per_round": calls,
        "stop": "precise" if reached else reason,
        "cpu_per_wall": round(cpu / elapsed, 3),
        "first_call_s": round(first - began, 4),
        "measured_s": round(ended - first, 4),
        **({"slowed_by": "the container's quota"} if machine.throttled() > stopped else {}),
        **gpu.change(before, after),
    }


class _Visits:
    """Asks for a turn ahead of every few rounds, and warms the caches that the other process has cooled."""

    def __init__(self, asker: turns.Asker, step: Step, rounds: int):
        self.asker, self.step = asker, step
        self.starts = {rounds * visit // turns.VISITS for visit in range(turns.VISITS)}
        self.round = 0

    def before_round(self) -> None:
        if self.round in self.starts:
            self.asker.ask(turns.VISIT)
            self.step()
        self.round += 1


def half_width(data: np.ndarray) -> float:
    """Returns the half width of the median's 99 % order-statistic interval over the median; inf if too few."""
    n = len(data)
    low = math.floor((n - Z_99 * math.sqrt(n)) / 2)
    if low < 0:
        return math.inf
    ordered = np.sort(data)
    return float((ordered[n - 1 - low] - ordered[low]) / 2 / np.median(ordered))


def _block(step: Step, calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        step()
    step.settle()
    return time.perf_counter() - start


def _warm_up(step: Step) -> float:
    """Returns the time of a call."""
    start = time.perf_counter()
    times: list[float] = []
    while len(times) < WARM_UP_CALLS or time.perf_counter() - start < WARM_UP_S:
        times.append(_block(step, 1))
    return min(times)


def _pilot(step: Step, once: float, seconds: float) -> tuple[int, np.ndarray]:
    """Returns the calls of a block, and the times of a few blocks."""
    calls = max(1, math.ceil(MIN_BLOCK_S / once))
    blocks = max(1, min(PILOT_BLOCKS, int(seconds / 4 / (calls * once))))
    return calls, np.array([_block(step, calls) for _ in range(blocks)])


def _choose_rounds(pilot: np.ndarray, target: float, seconds: float, *, at_least: int) -> tuple[int, str]:
    """Returns the number of rounds, and why it will have been no more if the target is missed."""
    quartiles = np.quantile(pilot, [0.25, 0.5, 0.75])
    spread = (quartiles[2] - quartiles[0]) / 1.349 / quartiles[1]
    needed = math.ceil((1.2533 * Z_99 * spread / target) ** 2 * 1.3)  # sd of a median: 1.2533 sd / sqrt(n)
    affordable = int(seconds / quartiles[1])
    rounds = max(at_least, min(max(needed, 10), affordable, MAX_ROUNDS))
    return rounds, "timeout" if rounds >= affordable else "plateau"
