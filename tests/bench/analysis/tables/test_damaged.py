"""A few of the campaign's damaged runs: no traceback, nothing lost without a word."""

import pytest

from tests.bench.analysis import damaged


@pytest.mark.filterwarnings("default")
def test_damaged_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(damaged.analysis, "MOST_DRAWN", damaged.analysis.MOST_DRAWN)
    monkeypatch.setattr(damaged.index, "get_plotlyjs", damaged.index.get_plotlyjs)
    assert damaged.campaign(tmp_path, range(24)) == []


def test_a_loss_that_nobody_tells_of_is_found(tmp_path, monkeypatch):
    """The campaign itself: it must see what it is there for."""
    damaged.write(tmp_path)
    run = tmp_path / "run"
    intact = damaged.measured(damaged.load([run]).frame)
    (run / "journal.jsonl").unlink()
    (run / "lock").unlink()
    command = damaged.commands(tmp_path)[0]
    assert [fault for fault, _ in damaged.faults(command, run, intact)] == ["silent loss"]
    monkeypatch.setattr(damaged.analysis, "main", lambda _: 1 // 0)
    assert [fault for fault, _ in damaged.faults(command, run, 0)] == ["traceback"]
