"""What is checked of the results of one technique, one kind of check after the other: each yields rows of verdicts."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import stats

from bench.analysis.statistics import rounding
from bench.analysis.tables import agreement_rows as rows
from bench.analysis.tables.agreement_rows import MISSING, MODES
from bench.analysis.tables.numerics_files import FILE, Arrays, Record, Run, missing
from bench.numerics.run_folder import ORACLE

# Chance of one false alarm in a distribution that is the same.
SIGNIFICANCE = 1e-5


def values(records: dict[str, Record], oracle: Record, dtype: str) -> Iterator[dict[str, Any]]:
    """Outputs and gradients against the oracle, and against what the other backends show."""
    measured: dict[tuple[str, str], dict[str, rounding.Error]] = defaultdict(dict)
    for backend, mode, tensor, value in rows.tensors(records):
        exact, noise = rows.reference(oracle, tensor)
        if exact is None or noise is None:
            if not oracle.has_ended:
                yield rows.row(backend, mode, MISSING, tensor, reason=rows.is_not_there(oracle))
        elif exact.shape != value.shape:
            yield rows.row(backend, mode, "value", tensor, reason=f"the shape is {value.shape}, not {exact.shape}")
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
    return rows.row(backend, mode, check, tensor, error=error.ratio, tolerance=limit, reason=reason, **numbers)


def repeats(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    """Whether the same step on the same values gave the same bits."""
    steps = sorted({(backend, mode, tensor.split("/")[0]) for backend, mode, tensor, _ in rows.tensors(records)})
    for backend, mode, phase in steps:
        changed = records[backend].under(f"again/{mode}/{phase}")
        reason = f"other bits when repeated: {', '.join(changed)}" if changed else ""
        yield rows.row(backend, mode, "repeat", f"repeat {phase}", error=len(changed), reason=reason)


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
                reason = f"unlike on other backends: {rows.some([f'{t}, {_finiteness(found[t])}' for t in unlike])}"
            else:
                reason = f"not finite: {', '.join(bad)}" if bad else ""
            is_broken = name in promised and bool(bad)
            yield rows.row(
                backend, "eager", "hostile", f"hostile {name}", error=int(is_odd or is_broken), reason=reason
            )


def misshapen(records: dict[str, Record], oracle: Record) -> Iterator[dict[str, Any]]:
    """Hostile values change no shape; hostile batches change one axis."""
    shapes = {tensor: value.shape for tensor, value in oracle.under("exact/inference").items()}
    for backend, record in records.items():
        for path, kind in record.under("hostile").items():
            name, _, tensor = path.partition("/")
            shape = shapes.get(tensor, kind.shape)
            if kind.ndim != len(shape) or (kind.shape != shape and "batch" not in name):
                yield rows.row(
                    backend, "eager", "hostile", f"hostile {name}", reason=f"{tensor}: the shape is {kind.shape}"
                )


def _finiteness(kind: np.ndarray) -> str:
    return f"shape {kind.shape}, {np.sum(kind != 0)} elements not finite"


def draws(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    """Random outputs as distributions: each backend against the others together."""
    drawn = {backend: r.arrays["draws"] for backend, r in records.items() if "draws" in r.arrays}
    for backend, mine in drawn.items():
        if not np.all(np.isfinite(mine)):
            yield rows.row(backend, "eager", "draws", "draws", reason="not finite")
            continue
        others = [values for name, values in drawn.items() if name != backend and np.all(np.isfinite(values))]
        if not others:
            continue
        pooled = np.concatenate(others)
        chance = min(same_distribution(mine[:, i], pooled[:, i]) for i in range(mine.shape[1]))
        reason = f"as random as the others with a chance of {chance:.2g}"
        # A chance turned so that larger is worse.
        error, tolerance = -np.log10(max(chance, 1e-300)), -np.log10(SIGNIFICANCE)
        yield rows.row(backend, "eager", "draws", "draws", error=error, tolerance=tolerance, reason=reason)


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
            yield rows.planned(f"{backend}-{device}", name, record)


def changed(run: Run, earlier: Run, backends: list[str], dtype: str, technique: str) -> Iterator[dict[str, Any]]:
    """Of one technique: what has changed on each backend."""
    oracle = run.records.get((ORACLE, dtype, technique))
    if oracle is None:
        yield rows.not_computed(run, ORACLE, dtype)
        return
    if FILE in oracle.failures:
        yield rows.failure("jax", FILE, oracle.failures[FILE], device="float64")
        return
    for backend in backends:
        new, old = (of.record(backend, dtype, technique) for of in (run, earlier))
        for of, record in ((run, new), (earlier, old)):
            if record is None:
                yield rows.not_computed(of, f"{backend}-{of.settings.device}", dtype)
            elif FILE in record.failures:
                yield rows.failure(backend, FILE, record.failures[FILE])
        if new is not None and old is not None and not {*new.failures, *old.failures} & {FILE}:
            yield from _moved(backend, new, old, oracle, dtype)


def _moved(backend: str, new: Record, old: Record, oracle: Record, dtype: str) -> Iterator[dict[str, Any]]:
    earlier = {(mode, tensor): value for _, mode, tensor, value in rows.tensors({backend: old})}
    for _, mode, tensor, value in rows.tensors({backend: new}):
        before, noise = earlier.pop((mode, tensor), None), rows.reference(oracle, tensor)[1]
        if noise is None:
            yield rows.row(backend, mode, MISSING, tensor, reason=rows.is_not_there(oracle))
        elif before is None or before.shape != value.shape or noise.shape != value.shape:
            yield rows.row(backend, mode, "change", tensor, reason="there is no such result in the other run")
        else:
            error = rounding.measure(value, before.astype("float64"), noise * np.sqrt(2), dtype)
            yield _value_row(backend, mode, "change", tensor, error, rounding.limit(dtype, []))
    for mode, tensor in earlier:
        yield rows.row(backend, mode, "change", tensor, reason="there is no such result in this run")
    yield from rows.failures({backend: new})


def distances(records: dict[str, Record], oracle: Record, dtype: str, bad: set[tuple]) -> Iterator[dict[str, Any]]:
    """The distance of each two backends; they agree where neither is among the `bad`."""
    values: dict[tuple[str, str], Arrays] = defaultdict(dict)
    for backend, mode, tensor, value in rows.tensors(records):
        values[mode, tensor][backend] = value
    for (mode, tensor), found in values.items():
        exact, noise = rows.reference(oracle, tensor)
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
