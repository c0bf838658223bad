"""The conversation by which two launches measure in turns, with processes that do nothing else."""

import multiprocessing
import os
import time

import pytest

from bench.turns import CASE, END, VISIT, Asker, Gone, Granter, Hung, conduct

fork = multiprocessing.get_context("fork")


def write_down(log: str, *words: object) -> None:
    with open(log, "a") as file:
        print(*words, file=file)


def launch(asker: Asker, log: str, name: str, cases: list[int], dies_in: int | None) -> None:
    """Takes part as a launch does: a number of visits for each case."""
    for case, visits in enumerate(cases):
        asker.ask(CASE)
        write_down(log, name, "prepares", case)
        if case == dies_in:
            os._exit(3)
        for visit in range(visits):
            asker.ask(VISIT)
            write_down(log, name, "begins", case, visit)
            time.sleep(0.005)
            write_down(log, name, "leaves", case, visit)
    asker.ask(END)


def run(
    tmp_path, first: list[int], second: list[int], *, dies_in: int | None = None, seconds: float = 5.0
) -> list[str]:
    log = str(tmp_path / "log")
    granters, processes = [], []
    for name, cases, dies in (("A", first, None), ("B", second, dies_in)):
        granters.append(Granter())
        asker = Asker(*granters[-1].theirs)
        processes.append(fork.Process(target=launch, args=(asker, log, name, cases, dies)))
        processes[-1].start()
        granters[-1].close_theirs()
    try:
        conduct(granters, (0, 1), seconds, startup=5.0, begun=lambda: write_down(log, "begun"))
        for process in processes:
            process.join(5)
            assert process.exitcode == 0
    finally:
        for process in processes:
            process.kill()
        for granter in granters:
            granter.close()
    with open(log) as file:
        return file.read().splitlines()


def test_only_one_measures_at_a_time_and_the_order_is_reversed_each_time(tmp_path):
    lines = run(tmp_path, [4], [4])
    assert lines[0] == "begun"
    visits = [line for line in lines if "prepares" not in line][1:]
    begins = [line.split()[0] for line in visits if "begins" in line]
    assert begins == list("ABBAABBA")
    assert [line.replace("leaves", "begins") for line in visits[1::2]] == visits[::2]


def test_nobody_prepares_the_next_case_while_the_other_measures(tmp_path):
    lines = run(tmp_path, [2, 2], [2, 2])
    second = min(i for i, line in enumerate(lines) if line.endswith("prepares 1"))
    assert all("prepares 0" not in line and not line.endswith(("0 0", "0 1")) for line in lines[second:])


def test_a_side_whose_case_failed_waits_for_the_other(tmp_path):
    lines = run(tmp_path, [0, 2], [2, 2])
    begins = [line for line in lines if "begins" in line]
    assert begins[:2] == ["B begins 0 0", "B begins 0 1"]
    assert {line.split()[0] for line in begins[2:4]} == {"A", "B"}


def test_a_death_is_heard_and_says_whose(tmp_path):
    with pytest.raises(Gone) as death:
        run(tmp_path, [1, 1], [1, 1], dies_in=1)
    assert death.value.index == 1


def test_a_process_that_takes_too_long_is_named(tmp_path):
    with pytest.raises(Hung) as hung:
        run(tmp_path, [1], [60], seconds=0.001)
    assert hung.value.index in (0, 1)
