"""What a pair does to its two sides, with launches that only note it."""

import os
from pathlib import Path

import pytest

from bench.regress import pairs
from bench.run.launches import Plan

pytestmark = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "jax", reason="imports no framework: once, on JAX")


def plans(folder: Path) -> dict[str, Plan]:
    return {side: Plan("jax", "smoke", [], 1, 0.1, 1, "ieee", 9.0, "", folder / side, Path()) for side in pairs.SIDES}


def test_neither_side_always_starts_or_measures_first(tmp_path, monkeypatch):
    started, measured = [], []

    class Launch:
        def __init__(self, plan, device, number, replicate, *, turns):
            started.append((number, plan.run.name))
            pairs.journal.append(plan.run, "launch", launch=number, cases=[])

        def wait(self, seconds):
            return 0

        def kill(self):
            pass

        def keep_json(self):
            pass

    def conduct(granters, order, *_, **__):
        measured.append([pairs.SIDES[index] for index in order])

    monkeypatch.setattr(pairs, "Launch", Launch)
    monkeypatch.setattr(pairs, "conduct", conduct)
    pairs.Pairs(plans(tmp_path), "cpu", tmp_path).measure("screen", None, 4)
    assert measured == [["base", "head"], ["head", "base"]] * 2
    assert started == [(number, side) for number, sides in enumerate(measured, 1) for side in sides]


@pytest.mark.parametrize(("base", "head", "wanted"), [(["a", "b"], None, None), (["a", "b"], ["b", "c"], ["b"])])
def test_a_side_that_was_killed_before_it_told_its_cells_has_no_others(tmp_path, monkeypatch, base, head, wanted):
    """It could not be told from a side without cells, and nothing was compared."""
    measured = []

    def measure(self, stage, cases):
        measured.append(cases)
        pairs.journal.append(self.folder, "pair", **{"pass": 2, "stage": stage})

    monkeypatch.setattr(pairs.Pairs, "_pair", measure)
    compared = pairs.Pairs(plans(tmp_path), "cpu", tmp_path)
    for side, cases in (("base", base), ("head", head)):
        if cases is not None:
            pairs.journal.append(compared.plans[side].run, "launch", launch=1, cases=cases)
    compared.measure("screen", None, 1)
    assert measured == [wanted]
