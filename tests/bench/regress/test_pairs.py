"""What a pair does to its two sides, with launches that only note it."""

import os
from pathlib import Path

import pytest

from bench.regress import pairs
from bench.run.launches import Plan

pytestmark = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "jax", reason="imports no framework: once, on JAX")


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
    plans = {
        side: Plan("jax", "smoke", [], 1, 0.1, 1, "ieee", 9.0, "", tmp_path / side, Path()) for side in pairs.SIDES
    }
    pairs.Pairs(plans, "cpu", tmp_path).measure("screen", None, 4)
    assert measured == [["base", "head"], ["head", "base"]] * 2
    assert started == [(number, side) for number, sides in enumerate(measured, 1) for side in sides]
