"""The conversation by which two launches measure in turns, with threads that stand for processes."""

import os
import threading
import time

import pytest

from bench.run.turns import CASE, END, VISIT, Asker, Gone, Granter, Hung, conduct


def launch(asker: Asker, log: list[str], name: str, cases: list[int], dies_in: int | None) -> None:
    """Takes part as a launch does: a number of visits for each case."""
    for case, visits in enumerate(cases):
        asker.ask(CASE)
        log.append(f"{name} prepares {case}")
        if case == dies_in:
            os.close(asker.tell)
            return
        for visit in range(visits):
            asker.ask(VISIT)
            log.append(f"{name} begins {case} {visit}")
            time.sleep(0.005)
            log.append(f"{name} leaves {case} {visit}")
    asker.ask(END)
    os.close(asker.tell)


def run(first: list[int], second: list[int], *, dies_in=None, seconds=5.0) -> list[str]:
    log: list[str] = []
    granters, threads = [Granter(), Granter()], []
    for granter, name, cases, dies in zip(granters, "AB", (first, second), (None, dies_in), strict=True):
        arguments = (Asker(*granter.theirs), log, name, cases, dies)
        threads.append(threading.Thread(target=launch, args=arguments, daemon=True))
        threads[-1].start()
    conduct(granters, (0, 1), seconds, startup=5.0, begun=lambda: log.append("begun"))
    for thread in threads:
        thread.join(5)
        assert not thread.is_alive()
    return log


def test_only_one_measures_at_a_time_and_the_order_is_reversed_each_time():
    lines = run([4], [4])
    assert lines[0] == "begun"
    visits = [line for line in lines if "prepares" not in line][1:]
    begins = [line.split()[0] for line in visits if "begins" in line]
    assert begins == list("ABBAABBA")
    assert [line.replace("leaves", "begins") for line in visits[1::2]] == visits[::2]


def test_nobody_prepares_the_next_case_while_the_other_measures():
    lines = run([2, 2], [2, 2])
    second = min(i for i, line in enumerate(lines) if line.endswith("prepares 1"))
    assert all("prepares 0" not in line and not line.endswith(("0 0", "0 1")) for line in lines[second:])


def test_a_side_whose_case_failed_waits_for_the_other():
    lines = run([0, 2], [2, 2])
    begins = [line for line in lines if "begins" in line]
    assert begins[:2] == ["B begins 0 0", "B begins 0 1"]
    assert {line.split()[0] for line in begins[2:4]} == {"A", "B"}


def test_a_death_is_heard_and_says_whose():
    with pytest.raises(Gone) as death:
        run([1, 1], [1, 1], dies_in=1)
    assert death.value.index == 1


def test_a_process_that_takes_too_long_is_named():
    with pytest.raises(Hung) as hung:
        run([1], [60], seconds=0.001)
    assert hung.value.index in (0, 1)
