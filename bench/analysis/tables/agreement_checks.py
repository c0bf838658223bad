"""What is checked of the results of one technique, one kind of check after the other: each yields rows of verdicts.

A row lacks what `finished` knows.
"""

import fnmatch
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from bench.analysis.statistics import rounding
from bench.analysis.tables.numerics_files import FILE, STEPS, Arrays, Record, Run, again, missing
from bench.numerics.run_folder import ORACLE, WITNESS

AGREE, DISAGREE = "agree", "disagree"
EXCEPTED = "excepted"

# Relative to the largest element, or to what cancels where that is larger.
WITNESS_TOLERANCE = 1e-9
# By the step of the differences: of the parts of the slope, root of the sum of squares.
SLOPE_TOLERANCES = dict(zip(STEPS, (1e-5, 1e-3), strict=True))
# Chance of one false alarm in a distribution that is the same.
SIGNIFICANCE = 1e-5
# Tensors that one line names.
MOST_NAMED = 3

# The modes that each backend computes values in.
MODES = ("eager", "jit")
# The checks of what cannot be compared: damaged files, and what was planned and is not there.
DAMAGE, MISSING = "damage", "missing"
LOST = (DAMAGE, MISSING)
ALL = "all"


def values(records: dict[str, Record], oracle: Record, dtype: str) -> Iterator[dict[str, Any]]:
    """Outputs and gradients against the oracle, and against what the other backends show."""
    measured: dict[tuple[str, str], dict[str, rounding.Error]] = defaultdict(dict)
    for backend, mode, tensor, value in _tensors(records):
        exact, noise = _reference(oracle, tensor)
        if exact is None or noise is None:
            if not oracle.has_ended:
                yield _row(backend, mode, MISSING, tensor, reason=_is_not_there(oracle))
        elif exact.shape != value.shape:
            yield _row(backend, mode, "value", tensor, reason=f"the shape is {value.shape}, not {exact.shape}")
        else:
            measured[mode, tensor][backend] = rounding.measure(value, exact, noise, dtype)
    for (mode, tensor), found in measured.items():
        for backend, error in found.items():
            others = [other.ratio for name, other in found.items() if name != backend]
            yield _value_row(backend, mode, "value", tensor, error, rounding.limit(dtype, others))


def _value_row(
    backend: str, mode: str, check: str, tensor: str, error: rounding.Error, limit: float
) -> dict[str, Any]:
    if error.misplaced:
        reason = f"{error.misplaced} elements are not finite on one side only"
    else:
        reason = (
            f"off by {error.units:.3g} units of rounding noise (root mean square {error.rms_units:.3g}), "
            f"{error.max_ulp:.3g} ulp"
        )
    numbers = {
        "max_abs_error": error.max_abs,
        "rms_error": error.rms,
        "max_ulp": error.max_ulp,
        "cosine": error.cosine,
    }
    return _row(backend, mode, check, tensor, error=error.ratio, tolerance=limit, reason=reason, **numbers)


def repeats(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    """Whether the same step on the same values gave the same bits."""
    steps = sorted({(backend, mode, tensor.split("/")[0]) for backend, mode, tensor, _ in _tensors(records)})
    for backend, mode, phase in steps:
        changed = records[backend].under(f"again/{mode}/{phase}")
        reason = f"other bits when repeated: {', '.join(changed)}" if changed else ""
        yield _row(backend, mode, "repeat", f"repeat {phase}", error=len(changed), reason=reason)


def hostile(records: dict[str, Record], promised: list[str]) -> Iterator[dict[str, Any]]:
    """What is finite must be the same on all backends: the odd one out disagrees, or all where no two agree."""
    names = {
        name.split("/")[1] for record in records.values() for name in record.arrays if name.startswith("hostile/")
    }
    for name in sorted(names):
        kinds = {backend: record.under(f"hostile/{name}") for backend, record in records.items()}
        kinds = {backend: found for backend, found in kinds.items() if found}
        patterns = {b: tuple((t, k.shape, (k != 0).tobytes()) for t, k in sorted(f.items())) for b, f in kinds.items()}
        usual, votes = Counter(patterns.values()).most_common(1)[0]
        for backend, found in kinds.items():
            is_odd = patterns[backend] != usual or (votes == 1 and len(kinds) > 1)
            bad = [tensor for tensor, kind in found.items() if np.any(kind != 0)]
            if is_odd:
                unlike = [part[0] for part in patterns[backend] if part not in usual] or list(found)
                reason = f"unlike on other backends: {some([f'{t}, {_finiteness(found[t])}' for t in unlike])}"
            else:
                reason = f"not finite: {', '.join(bad)}" if bad else ""
            is_broken = name in promised and bool(bad)
            yield _row(backend, "eager", "hostile", f"hostile {name}", error=int(is_odd or is_broken), reason=reason)


def misshapen(records: dict[str, Record], oracle: Record) -> Iterator[dict[str, Any]]:
    """Hostile values change no shape; hostile batches change one axis."""
    shapes = {tensor: value.shape for tensor, value in oracle.under("exact/inference").items()}
    for backend, record in records.items():
        for path, kind in record.under("hostile").items():
            name, _, tensor = path.partition("/")
            shape = shapes.get(tensor, kind.shape)
            if kind.ndim != len(shape) or (kind.shape != shape and "batch" not in name):
                yield _row(
                    backend, "eager", "hostile", f"hostile {name}", reason=f"{tensor}: the shape is {kind.shape}"
                )


def _finiteness(kind: np.ndarray) -> str:
    return f"shape {kind.shape}, {np.sum(kind != 0)} elements not finite"


def draws(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    """Random outputs as distributions: each backend against the others together."""
    drawn = {backend: r.arrays["draws"] for backend, r in records.items() if "draws" in r.arrays}
    for backend, mine in drawn.items():
        if not np.all(np.isfinite(mine)):
            yield _row(backend, "eager", "draws", "draws", reason="not finite")
            continue
        others = [values for name, values in drawn.items() if name != backend and np.all(np.isfinite(values))]
        if not others:
            continue
        pooled = np.concatenate(others)
        chance = min(same_distribution(mine[:, i], pooled[:, i]) for i in range(mine.shape[1]))
        reason = f"as random as the others with a chance of {chance:.2g}"
        # A chance turned so that larger is worse.
        error, tolerance = -np.log10(max(chance, 1e-300)), -np.log10(SIGNIFICANCE)
        yield _row(backend, "eager", "draws", "draws", error=error, tolerance=tolerance, reason=reason)


def same_distribution(one: np.ndarray, other: np.ndarray) -> float:
    """The chance of a difference as large as that between two samples, in shape, mean or variance."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float(np.array_equal(np.unique(one), np.unique(other)))
    chances = [
        stats.ks_2samp(one, other).pvalue,
        stats.ttest_ind(one, other, equal_var=False).pvalue,
        stats.levene(one, other).pvalue,
    ]
    return min(1.0, len(chances) * float(min(chances)))


def damage(run: Run) -> Iterator[dict[str, Any]]:
    """Of the files that belong to no single result: the oracle, which draws the cases, answers for them."""
    for whose, reason in run.damage:
        backend, _, device = (whose if whose in run.workers else ORACLE).partition("-")
        row = _row(backend, "exact", DAMAGE, FILE, reason=reason)
        yield finished(row, whose, "", device, {"tolerances": {}})


def lacks(
    records: dict[str, Record], oracle: Record, about: dict[str, Any], dtype: str, device: str
) -> Iterator[dict[str, Any]]:
    """What each backend had to compute and neither is there nor has failed."""
    exact = {phase: [*oracle.under(f"exact/{phase}")] or ["output"] for phase in about["phases"]}
    wanted = {
        f"{mode}/{phase}/{tensor}": f"{mode}/{phase}"
        for mode in MODES
        for phase, tensors in exact.items()
        for tensor in tensors
    }
    if dtype == "float32":
        for name in about["hostile"]:
            wanted |= {f"hostile/{name}/{t}": f"eager/hostile {name}" for t in exact.get("inference", [])}
        wanted |= {"draws": "eager/draws"} if about["random"] else {}
    for backend, record in records.items():
        for name in missing(record, wanted):
            yield _planned(f"{backend}-{device}", name, record)


def oracle_rows(oracle: Record, there: dict[str, Record], phases: list[str], dtype: str) -> Iterator[dict[str, Any]]:
    """Whether the oracle can be believed."""
    for worker in (ORACLE, WITNESS):
        if worker not in there:
            continue
        record, backend = there[worker], worker.split("-")[0]
        broken = [f"{part}: {reason}" for part, reason in record.failures.items() if part != FILE]
        broken += [f"{phase}: {what}" for phase, found in record.notes.get("narrow", {}).items() for what in found]
        reason = f"the oracle is broken: {'; '.join(broken)}" if broken else ""
        yield _row(backend, "exact", "oracle", "oracle dtypes", error=len(broken), reason=reason, device="float64")
        if FILE in record.failures:
            yield _failure(backend, FILE, record.failures[FILE], device="float64")
        for phase, slopes in record.notes.get("slopes", {}).items():
            for step, (slope, predicted, scale) in slopes.items():
                error = abs(slope - predicted) / scale if scale > 0 else abs(slope)
                reason = f"the oracle is broken: a slope of {slope:.6g} where the gradients say {predicted:.6g}"
                fields = {"error": error, "tolerance": SLOPE_TOLERANCES[step], "device": "float64", "reason": reason}
                yield _row(backend, "exact", "oracle", f"{phase}/slope, step {step}", **fields)
        for name in _missing_in_float64(record, oracle, phases, has_noise=worker == ORACLE):
            yield _planned(worker, name, record)
    witness = there.get(WITNESS)
    if witness is None:
        return
    for tensor, exact in oracle.under("exact").items():
        found, noise = witness.arrays.get(f"exact/{tensor}"), _reference(oracle, tensor)[1]
        if found is None or noise is None or not exact.size:
            continue
        if found.shape != exact.shape:
            reason = f"the oracle is broken: the shape is {found.shape}, not {exact.shape}"
            yield _row("tensorflow", "exact", "oracle", tensor, reason=reason, device="float64")
            continue
        cancelled = np.max(noise) * 2.0 ** (rounding.BITS[dtype] + 1)
        scale = max(np.max(np.abs(exact)), cancelled, np.finfo("float64").tiny)
        error = float(np.max(np.abs(found - exact)) / scale)
        reason = f"the oracle is broken: TensorFlow and JAX differ by {error:.2g} in float64"
        fields = {"error": error, "tolerance": WITNESS_TOLERANCE, "reason": reason, "device": "float64"}
        yield _row("tensorflow", "exact", "oracle", tensor, **fields)


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


def _reference(oracle: Record, tensor: str) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What is right, and the noise that rounding adds; neither without the other."""
    exact, noise = oracle.arrays.get(f"exact/{tensor}"), oracle.arrays.get(f"noise/{tensor}")
    return (exact, noise) if exact is not None and noise is not None and exact.shape == noise.shape else (None, None)


def failures(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    for backend, record in records.items():
        for part, reason in record.failures.items():
            yield _failure(backend, part, reason)


def _failure(backend: str, part: str, reason: str, **fields: Any) -> dict[str, Any]:
    mode, _, what = part.partition("/")
    check = DAMAGE if part == FILE else "failure"
    return _row(backend, mode, check, what or part, reason=reason, **fields)


def not_computed(run: Run, worker: str, dtype: str) -> dict[str, Any]:
    return _lost(worker, ALL, f"not computed in {run.folder / worker / dtype}; {again(run.folder)}")


def _planned(worker: str, part: str, record: Record) -> dict[str, Any]:
    return _lost(worker, part, _is_not_there(record))


def _is_not_there(record: Record) -> str:
    return f"was planned and is not there; {record.remedy}"


def _lost(worker: str, part: str, reason: str) -> dict[str, Any]:
    backend, _, device = worker.partition("-")
    mode, _, what = part.partition("/")
    return _row(backend, mode, MISSING, what or part, reason=reason, device=device)


def changed(run: Run, earlier: Run, backends: list[str], dtype: str, technique: str) -> Iterator[dict[str, Any]]:
    """Of one technique: what has changed on each backend."""
    oracle = run.records.get((ORACLE, dtype, technique))
    if oracle is None:
        yield not_computed(run, ORACLE, dtype)
        return
    if FILE in oracle.failures:
        yield _failure("jax", FILE, oracle.failures[FILE], device="float64")
        return
    for backend in backends:
        new, old = (of.record(backend, dtype, technique) for of in (run, earlier))
        for of, record in ((run, new), (earlier, old)):
            if record is None:
                yield not_computed(of, f"{backend}-{of.settings.device}", dtype)
            elif FILE in record.failures:
                yield _failure(backend, FILE, record.failures[FILE])
        if new is not None and old is not None and not {*new.failures, *old.failures} & {FILE}:
            yield from _moved(backend, new, old, oracle, dtype)


def _moved(backend: str, new: Record, old: Record, oracle: Record, dtype: str) -> Iterator[dict[str, Any]]:
    earlier = {(mode, tensor): value for _, mode, tensor, value in _tensors({backend: old})}
    for _, mode, tensor, value in _tensors({backend: new}):
        before, noise = earlier.pop((mode, tensor), None), _reference(oracle, tensor)[1]
        if noise is None:
            yield _row(backend, mode, MISSING, tensor, reason=_is_not_there(oracle))
        elif before is None or before.shape != value.shape or noise.shape != value.shape:
            yield _row(backend, mode, "change", tensor, reason="there is no such result in the other run")
        else:
            error = rounding.measure(value, before.astype("float64"), noise * np.sqrt(2), dtype)
            yield _value_row(backend, mode, "change", tensor, error, rounding.limit(dtype, []))
    for mode, tensor in earlier:
        yield _row(backend, mode, "change", tensor, reason="there is no such result in this run")
    yield from failures({backend: new})


def distances(records: dict[str, Record], oracle: Record, dtype: str, bad: set[tuple]) -> Iterator[dict[str, Any]]:
    """The distance of each two backends; they agree where neither is among the `bad`."""
    values: dict[tuple[str, str], Arrays] = defaultdict(dict)
    for backend, mode, tensor, value in _tensors(records):
        values[mode, tensor][backend] = value
    for (mode, tensor), found in values.items():
        exact, noise = _reference(oracle, tensor)
        if exact is None or noise is None:
            continue
        for first, second in itertools.combinations(["float64", *found], 2):
            one, other = exact if first == "float64" else found[first], found[second]
            if one.shape == other.shape == noise.shape:
                error = rounding.measure(other, one, noise, dtype)
                yield {
                    "mode": mode,
                    "tensor": tensor,
                    "first": first,
                    "second": second,
                    "max_ulp": np.inf if error.misplaced else error.max_ulp,
                    "agree": not {(first, mode, tensor), (second, mode, tensor)} & bad,
                }


def _tensors(records: dict[str, Record]) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Backend, mode, phase and name, value."""
    for backend, record in records.items():
        for name, value in record.arrays.items():
            mode, _, tensor = name.partition("/")
            if mode in MODES:
                yield backend, mode, tensor, value


def some(names: list[str]) -> str:
    more = f", and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _row(backend: str, mode: str, check: str, tensor: str, **fields: Any) -> dict[str, Any]:
    """A row that disagrees unless its error is within its tolerance."""
    return {
        "backend": backend,
        "mode": mode,
        "check": check,
        "tensor": tensor,
        "error": np.inf,
        "tolerance": 0.0,
    } | fields


def finished(row: dict[str, Any], technique: str, dtype: str, device: str, about: dict[str, Any]) -> dict[str, Any]:
    """The row with its verdict; an exception of the catalogue widens its tolerance, unless it stands for a loss."""
    row = {"technique": technique, "device": device, "dtype": dtype} | row
    path = f"{row['backend']}/{dtype}/{row['mode']}/{row['tensor']}"
    is_fine = row["error"] <= row["tolerance"]
    for pattern, (factor, why) in about["tolerances"].items():
        if not is_fine and row["check"] not in LOST and fnmatch.fnmatchcase(path, pattern):
            row["tolerance"] = (row["tolerance"] or 1.0) * factor
            row["reason"] = f"{EXCEPTED}: {why}"
    verdict = AGREE if row["error"] <= row["tolerance"] else DISAGREE
    if is_fine and row["check"] in ("oracle", "repeat"):
        row["reason"] = ""
    return row | {"verdict": verdict}
