"""What a machine is called."""

import pytest

from bench.run import machine

FACTS = {"cpu": "AMD EPYC 9B14", "cores": 2, "memory_bytes": 23.4 * 2**30, "accelerators": ["2 x NVIDIA H200"]}


def test_a_machine_is_its_hardware():
    assert machine.identity(FACTS) == "AMD EPYC 9B14, 2 cores, 23 GiB, 2 x NVIDIA H200"


def test_what_is_not_known_is_left_out():
    assert machine.identity({}) == "unknown processor"


def test_a_name_of_ones_own_stands_for_the_hardware():
    found = machine.facts("lab-3")
    assert found["machine"] == "lab-3"
    assert found["host"]


def test_this_machine_has_no_hosts_name_in_its_own():
    found = machine.facts()
    assert found["machine"] == machine.identity(found)
    assert found["cpu"] in found["machine"]


@pytest.mark.parametrize(
    ("printed", "told"),
    [("NVIDIA H200\n", ["NVIDIA H200"]), ("A\nA\nB\n", ["2 x A", "B"]), ("", [])],
)
def test_accelerators_are_those_of_the_driver(monkeypatch, tmp_path, printed, told):
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in printed.splitlines()))
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert machine.facts()["accelerators"] == told
