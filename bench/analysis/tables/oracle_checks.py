"""Whether the oracle can be believed: its dtypes, its gradients, its witness, and what it lacks."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.analysis.statistics import rounding
from bench.analysis.tables import agreement_rows as rows
from bench.analysis.tables.numerics_files import FILE, STEPS, Record, missing
from bench.numerics.run_folder import ORACLE, WITNESS

# Relative to the largest element, or to what cancels where that is larger.
WITNESS_TOLERANCE = 1e-9
# By the step of the differences: of the parts of the slope, root of the sum of squares.
SLOPE_TOLERANCES = dict(zip(STEPS, (1e-5, 1e-3), strict=True))


def judge_oracle(oracle: Record, there: dict[str, Record], phases: list[str], dtype: str) -> Iterator[dict[str, Any]]:
    """Whether the oracle can be believed."""
    for worker in (ORACLE, WITNESS):
        if worker not in there:
            continue
        record, backend = there[worker], worker.split("-")[0]
        broken = [f"{part}: {reason}" for part, reason in record.failures.items() if part != FILE]
        broken += [f"{phase}: {what}" for phase, found in record.notes.get("narrow", {}).items() for what in found]
        reason = f"the oracle is broken: {'; '.join(broken)}" if broken else ""
        yield rows.row(backend, "exact", "oracle", "oracle dtypes", error=len(broken), reason=reason, device="float64")
        if FILE in record.failures:
            yield rows.failure(backend, FILE, record.failures[FILE], device="float64")
        for phase, slopes in record.notes.get("slopes", {}).items():
            for step, (slope, predicted, scale) in slopes.items():
                error = abs(slope - predicted) / scale if scale > 0 else abs(slope)
                reason = f"the oracle is broken: a slope of {slope:.6g} where the gradients say {predicted:.6g}"
                fields = {"error": error, "tolerance": SLOPE_TOLERANCES[step], "device": "float64", "reason": reason}
                yield rows.row(backend, "exact", "oracle", f"{phase}/slope, step {step}", **fields)
        for name in _missing_in_float64(record, oracle, phases, has_noise=worker == ORACLE):
            yield rows.planned(worker, name, record)
    witness = there.get(WITNESS)
    if witness is None:
        return
    for tensor, exact in oracle.under("exact").items():
        found, noise = witness.arrays.get(f"exact/{tensor}"), rows.reference(oracle, tensor)[1]
        if found is None or noise is None or not exact.size:
            continue
        if found.shape != exact.shape:
            reason = f"the oracle is broken: the shape is {found.shape}, not {exact.shape}"
            yield rows.row("tensorflow", "exact", "oracle", tensor, reason=reason, device="float64")
            continue
        cancelled = np.max(noise) * 2.0 ** (rounding.BITS[dtype] + 1)
        scale = max(np.max(np.abs(exact)), cancelled, np.finfo("float64").tiny)
        error = float(np.max(np.abs(found - exact)) / scale)
        reason = f"the oracle is broken: TensorFlow and JAX differ by {error:.2g} in float64"
        fields = {"error": error, "tolerance": WITNESS_TOLERANCE, "reason": reason, "device": "float64"}
        yield rows.row("tensorflow", "exact", "oracle", tensor, **fields)


def _missing_in_float64(record: Record, oracle: Record, phases: list[str], *, has_noise: bool) -> list[str]:
    parts = {phase: f"exact/{phase}" for phase in phases}
    kinds = ("exact", "noise") if has_noise else ("exact",)
    wanted = {
        f"{kind}/{phase}/{tensor}": part
        for phase, part in parts.items()
        for kind in kinds
        for tensor in [*oracle.under(part)] or ["output"]
    }
    lost = [*missing(record, wanted)]
    if not record.has_ended:
        for phase, part in parts.items():
            if part in record.failures:
                continue
            slopes = record.notes.get("slopes", {}).get(phase, {})
            lost += [f"{part}/slope, step {step}" for step in STEPS if step not in slopes]
            lost += [] if phase in record.notes.get("narrow", {}) else [f"{part}/oracle dtypes"]
    return lost
