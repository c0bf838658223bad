"""Two revisions: screen all cells, confirm the flagged ones with new pairs of launches, tell the verdicts."""

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.analysis.pages import regressions
from bench.analysis.statistics import revisions, version_verdicts
from bench.commandline import OK, UNDECIDED, Refused
from bench.regress import calibration, checkouts
from bench.regress.checkouts import Revision
from bench.regress.pairs import SIDES, Pairs
from bench.run import journal
from bench.run.launches import Plan
from bench.run.profiles import settings

VERSIONS = {"keras": "keras_version", "numpy": "numpy_version"}


@dataclass(frozen=True)
class Comparison:
    """What is compared with what.

    Args:
        base: the older side.
        head: the newer side.
        upgrade: a package that head has in another version, as "keras==3.15.0", or None.
        calibrate: whether base and head are the same on purpose.
    """

    base: Revision
    head: Revision
    upgrade: str | None
    calibrate: bool

    def told(self) -> str:
        if self.calibrate:
            return f"{self.head.name} {self.head.commit[:12]} with itself"
        if self.upgrade:
            return f"{self.head.name} {self.head.commit[:12]}: {self.upgrade} against what is installed"
        return f"{self.base.name} {self.base.commit[:12]} against {self.head.name} {self.head.commit[:12]}"


def compare(comparison: Comparison, plan: Plan, device: str, folder: Path, command: str) -> int:
    """Measures, writes tables and page, prints the verdicts; returns the exit code."""
    began = time.monotonic()
    _remember(comparison, plan, folder)
    trees = {side: folder / "trees" / side for side in SIDES}
    try:
        for side, revision in zip(SIDES, (comparison.base, comparison.head), strict=True):
            checkouts.check_out(revision.commit, trees[side], folder / "objects")
        if comparison.upgrade:
            checkouts.upgrade(comparison.upgrade, folder / "upgrade")
        plans = {side: replace(plan, run=folder / side, root=trees[side]) for side in SIDES}
        if comparison.upgrade:
            plans["head"] = replace(plans["head"], variables=(("PYTHONPATH", str(folder / "upgrade")),))
        pairs = Pairs(
            plans, device, folder, may_differ=(*VERSIONS.values(), "backend_version") if comparison.upgrade else ()
        )
        print(f"regress: {plan.backend} {device}: {comparison.told()}", flush=True)
        verdicts, notes = _verdicts(pairs, comparison, folder, (plan.backend, device))
    finally:
        for tree in trees.values():
            checkouts.remove(tree)
    title = f"{plan.backend} {device}: {comparison.told()}"
    told = regressions.Told(title, command, (time.monotonic() - began) / 60, notes, pairs.facts("head"))
    code = regressions.conclude(verdicts, told, plan.backend, device, folder)
    return OK if comparison.calibrate and code == UNDECIDED else code  # noise is what a calibration asks for


def _verdicts(
    pairs: Pairs, comparison: Comparison, folder: Path, place: tuple[str, str]
) -> tuple[dict[str, version_verdicts.Verdict], list[str]]:
    kept = calibration.path(folder.parents[2], *place)
    screens = revisions.CONFIRM_PAIRS if comparison.calibrate else revisions.SCREEN_PAIRS
    pairs.measure("screen", None, screens)
    if comparison.upgrade:
        _check_upgrade(comparison.upgrade, pairs)
    common = [case for case in pairs.cases("base") if case in pairs.cases("head")]
    differences: dict[str, list[float]] = {case: [] for case in common} | pairs.differences("screen")
    screened = {case: d[: revisions.SCREEN_PAIRS] for case, d in differences.items()}
    floors, lacking = ({}, "") if comparison.calibrate else calibration.floors(kept, pairs.facts("head"))
    notes = [lacking] if lacking else []

    flagged = [case for case, d in screened.items() if revisions.is_flagged(d)]
    pairs.measure("confirm", flagged, revisions.LOOK_PAIRS)
    halfway = pairs.differences("confirm")
    if any(revisions.is_promising(halfway.get(case, [0.0]), floors.get(case, 0.0)) for case in flagged):
        pairs.measure("confirm", flagged, revisions.CONFIRM_PAIRS)
    found = pairs.differences("confirm")
    confirmed = {case: found.get(case, []) for case in flagged}
    verdicts = revisions.judge(screened, confirmed, floors, pairs.reasons())

    if comparison.calibrate:
        alarms = [case for case, verdict in verdicts.items() if verdict.verdict in ("slower", "faster")]
        floors = {case: revisions.noise_floor(d) for case, d in differences.items() if len(d) == screens}
        told = {"commit": comparison.head.commit, "pairs": screens, "false_alarms": alarms}
        calibration.store(kept, pairs.facts("head"), floors, told)
        notes.append(f"calibrated {len(floors)} cells, {len(alarms)} false alarms; kept in {kept}")
    else:
        for case in set(pairs.cases("base")) - set(common):
            verdicts[case] = version_verdicts.not_compared("not in head")
        if new := sorted(set(pairs.cases("head")) - set(common)):
            notes.append(f"only in head, not compared: {', '.join(new)}")
    return verdicts, notes


def _remember(comparison: Comparison, plan: Plan, folder: Path) -> None:
    """A comparison that is gone on with must still compare the same things."""
    now: dict[str, Any] = {**asdict(comparison), **settings(plan)}
    before = next((e for e in journal.read(folder) if e["event"] == "comparison"), None)
    if before is None:
        journal.append(folder, "comparison", **now)
        return
    for name, value in now.items():
        if before.get(name) != value:
            changed = f"{name} {before.get(name)!r}, not {value!r}"
            raise Refused(f"the comparison {folder.parent.name} was begun with {changed}; begin another one")


def _check_upgrade(requirements: str, pairs: Pairs) -> None:
    """The head must have measured what was asked for, and the base something else."""
    backend = {pairs.plans["head"].backend: "backend_version"}
    for package, version in (one.split("==") for one in requirements.split(",")):
        name = (VERSIONS | backend).get(package.lower())
        if name and pairs.facts("head")[name] != version:
            raise Refused(f"head ran with {package} {pairs.facts('head')[name]}, not {version}; no verdict")
        if name and pairs.facts("base")[name] == version:
            raise Refused(f"{package} {version} is what is installed already; there is nothing to compare")
