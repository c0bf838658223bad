"""Run folders of `bench.numerics` -> one table of verdicts, one row a result of a backend."""

import fnmatch
import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from bench.analysis import numerics_errors as errors
from bench.analysis import schema
from bench.numerics.run import ORACLE, WITNESS, Settings, read_arrays, read_json

COLUMNS = (
    *("technique", "backend", "device", "dtype", "tensor"),
    *("max_abs_error", "rms_error", "max_ulp", "cosine", "tolerance", "verdict"),
    *("mode", "check", "error", "reason"),
)
PAIR_COLUMNS = ("technique", "dtype", "mode", "tensor", "first", "second", "max_ulp", "agree")
AGREE, DISAGREE = "agree", "disagree"
EXCEPTED = "excepted"

# Relative to the largest element, or to what cancels where that is larger.
WITNESS_TOLERANCE = 1e-9
# By the step of the differences: of the parts of the slope, root of the sum of squares.
SLOPE_TOLERANCES = {"1e-06": 1e-5, "1e-09": 1e-3}
# Chance of one false alarm in a distribution that is the same.
SIGNIFICANCE = 1e-5
# Tensors that one line names.
MOST_NAMED = 3

Arrays = dict[str, np.ndarray]


class Unreadable(Exception):
    """A run that cannot be judged; the text is one line that says why."""


@dataclass(frozen=True)
class Record:
    """What one process computed of one technique in one dtype."""

    arrays: Arrays
    notes: dict[str, Any]

    def under(self, prefix: str) -> Arrays:
        """The arrays below a prefix, without it."""
        return {k.removeprefix(f"{prefix}/"): v for k, v in self.arrays.items() if k.startswith(f"{prefix}/")}


@dataclass(frozen=True)
class Run:
    """One run folder. `records` is keyed by worker, dtype and technique."""

    name: str
    settings: Settings
    abouts: dict[str, dict[str, Any]]
    facts: dict[str, dict[str, Any]]
    records: dict[tuple[str, str, str], Record]
    cases: dict[tuple[str, str], Arrays]

    @property
    def backends(self) -> list[str]:
        return [b for b in schema.BACKENDS if f"{b}-{self.settings.device}" in self.facts]

    def record(self, backend: str, dtype: str, technique: str) -> Record | None:
        return self.records.get((f"{backend}-{self.settings.device}", dtype, technique))


def read(folder: Path) -> Run:
    """Reads a run folder; raises `Unreadable` where there is nothing to judge."""
    try:
        settings = Settings.load(folder)
        abouts = {path.stem: read_json(path) for path in sorted((folder / "cases").glob("*.json"))}
        facts = {path.parent.name: read_json(path) for path in sorted(folder.glob("*/facts.json"))}
        records = {
            (path.parts[-3], path.parts[-2], path.stem): _record(path)
            for path in sorted(folder.glob("*/*/*.json"))
            if path.parts[-3] != "cases"
        }
        cases = {(path.parent.name, path.stem): read_arrays(path) for path in sorted(folder.glob("cases/*/*.npz"))}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{folder} is no run of bench.numerics, or damaged: {error}") from None
    for _, _, technique in records:  # of some not even inputs could be drawn
        abouts.setdefault(technique, {"finite": [], "tolerances": {}})
    run = Run(folder.name, settings, abouts, facts, records, cases)
    if not run.backends or not abouts:
        raise Unreadable(f"{folder} has no results yet; compute them with: python -m bench.numerics")
    if ORACLE not in facts:
        raise Unreadable(f"{folder} has no oracle; compute it where JAX is installed")
    return run


def judge(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the verdicts, and how far each two backends are apart (and each from the oracle)."""
    rows: list[dict[str, Any]] = []
    pairs: list[dict[str, Any]] = []
    for technique, about in run.abouts.items():
        for dtype in run.settings.dtypes:
            oracle = run.records.get((ORACLE, dtype, technique), Record({}, {"failures": {"oracle": "is missing"}}))
            witness = run.records.get((WITNESS, dtype, technique))
            records = {b: r for b in run.backends if (r := run.record(b, dtype, technique)) is not None}
            missing = [_failure(b, "all", "was not computed") for b in run.backends if b not in records]
            found = [
                *missing,
                *_failures(records),
                *_oracle_rows(oracle, witness, dtype),
                *_values(records, oracle, dtype),
                *_repeats(records),
                *_hostile(records, about["finite"]),
                *_draws(records),
            ]
            finished = [_finished(row, technique, dtype, run.settings.device, about) for row in found]
            rows += finished
            bad = {(row["backend"], row["mode"], row["tensor"]) for row in finished if row["verdict"] == DISAGREE}
            pairs += [{"technique": technique, "dtype": dtype, **pair} for pair in _pairs(records, oracle, dtype, bad)]
    return pd.DataFrame(rows, columns=list(COLUMNS)), pd.DataFrame(pairs, columns=list(PAIR_COLUMNS))


def changes(run: Run, earlier: Run) -> pd.DataFrame:
    """Compares the results of two runs: verdicts on how far those of `run` are from those of `earlier`."""
    rows = []
    backends = [backend for backend in run.backends if backend in earlier.backends]
    shared = [key for key in run.cases if key in earlier.cases]
    if not backends or not shared:
        raise Unreadable(f"{run.name} and {earlier.name} have no backend, technique and dtype in common")
    for dtype, technique in shared:
        if not _same(run.cases[dtype, technique], earlier.cases[dtype, technique]):
            raise Unreadable(
                f"{run.name} and {earlier.name} drew other inputs or weights for {technique}; "
                f"compute one of them with --cases-of the other"
            )
        oracle = run.records.get((ORACLE, dtype, technique), Record({}, {}))
        for backend in backends:
            new, old = run.record(backend, dtype, technique), earlier.record(backend, dtype, technique)
            if new is None or old is None:
                continue
            found = _changes(backend, new, old, oracle, dtype)
            devices = " and ".join(dict.fromkeys((earlier.settings.device, run.settings.device)))
            rows += [_finished(row, technique, dtype, devices, run.abouts[technique]) for row in found]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def worst(frame: pd.DataFrame, count: int = 3) -> list[str]:
    """The worst disagreements, one line each."""
    bad = frame[frame["verdict"] == DISAGREE]
    badness = (bad["error"] / bad["tolerance"]).fillna(np.inf)
    return [
        f"{row.technique} on {row.backend} ({row.device}, {row.dtype}, {row.mode}): {row.tensor}: {row.reason}"
        for row in bad.loc[badness.sort_values(ascending=False, kind="stable").index[:count]].itertuples()
    ]


def unneeded(run: Run, frame: pd.DataFrame) -> list[str]:
    """The exceptions of the catalogue that no result of this run needed."""
    lines = []
    for technique, about in run.abouts.items():
        mine = frame[frame["technique"] == technique]
        paths = [f"{row.backend}/{row.dtype}/{row.mode}/{row.tensor}" for row in mine.itertuples()]
        for pattern in about["tolerances"]:
            matching = [fnmatch.fnmatchcase(path, pattern) for path in paths]
            needed = mine[matching]["reason"].str.startswith(EXCEPTED)
            if any(matching) and not needed.any():
                lines.append(f"{technique}: the exception {pattern!r} was not needed")
    return lines


# One kind of check after the other. A row lacks what `_finished` knows. ----------------------------------------------


def _values(records: dict[str, Record], oracle: Record, dtype: str) -> Iterator[dict[str, Any]]:
    """Outputs and gradients against the oracle, and against what the other backends show."""
    measured: dict[tuple[str, str], dict[str, errors.Error]] = defaultdict(dict)
    for backend, mode, tensor, value in _tensors(records):
        exact, noise = oracle.arrays.get(f"exact/{tensor}"), oracle.arrays.get(f"noise/{tensor}")
        if exact is None or noise is None:
            yield _row(backend, mode, "value", tensor, reason="the oracle has no such result")
        elif exact.shape != value.shape:
            yield _row(backend, mode, "value", tensor, reason=f"the shape is {value.shape}, not {exact.shape}")
        else:
            measured[mode, tensor][backend] = errors.measure(value, exact, noise, dtype)
    for (mode, tensor), found in measured.items():
        for backend, error in found.items():
            others = [other.ratio for name, other in found.items() if name != backend]
            yield _value_row(backend, mode, "value", tensor, error, errors.limit(dtype, others))


def _value_row(backend: str, mode: str, check: str, tensor: str, error: errors.Error, limit: float) -> dict[str, Any]:
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


def _repeats(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    """Whether the same step on the same values gave the same bits."""
    steps = sorted({(backend, mode, tensor.split("/")[0]) for backend, mode, tensor, _ in _tensors(records)})
    for backend, mode, phase in steps:
        changed = records[backend].under(f"again/{mode}/{phase}")
        reason = f"other bits when repeated: {', '.join(changed)}" if changed else ""
        yield _row(backend, mode, "repeat", f"repeat {phase}", error=len(changed), reason=reason)


def _hostile(records: dict[str, Record], promised: list[str]) -> Iterator[dict[str, Any]]:
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
                shown = ", ".join(f"{t}, {_finiteness(found[t])}" for t in unlike[:MOST_NAMED])
                more = f", and {len(unlike) - MOST_NAMED} more" if len(unlike) > MOST_NAMED else ""
                reason = f"unlike on other backends: {shown}{more}"
            else:
                reason = f"not finite: {', '.join(bad)}" if bad else ""
            is_broken = name in promised and bool(bad)
            yield _row(backend, "eager", "hostile", f"hostile {name}", error=int(is_odd or is_broken), reason=reason)


def _finiteness(kind: np.ndarray) -> str:
    return f"shape {kind.shape}, {np.sum(kind != 0)} elements not finite"


def _draws(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    """Random outputs as distributions: each backend against the others together."""
    drawn = {backend: r.arrays["draws"] for backend, r in records.items() if "draws" in r.arrays}
    for backend, mine in drawn.items():
        others = [values for name, values in drawn.items() if name != backend]
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


def _oracle_rows(oracle: Record, witness: Record | None, dtype: str) -> Iterator[dict[str, Any]]:
    """Whether the oracle can be believed."""
    for worker, record in ((ORACLE, oracle), (WITNESS, witness)):
        if record is None:
            continue
        backend = worker.split("-")[0]
        broken = [f"{part}: {reason}" for part, reason in record.notes.get("failures", {}).items()]
        broken += [f"{phase}: {what}" for phase, found in record.notes.get("narrow", {}).items() for what in found]
        reason = f"the oracle is broken: {'; '.join(broken)}" if broken else ""
        yield _row(backend, "exact", "oracle", "oracle dtypes", error=len(broken), reason=reason, device="float64")
        for phase, slopes in record.notes.get("slopes", {}).items():
            for step, (slope, predicted, scale) in slopes.items():
                error = abs(slope - predicted) / scale if scale > 0 else abs(slope)
                reason = f"the oracle is broken: a slope of {slope:.6g} where the gradients say {predicted:.6g}"
                fields = {"error": error, "tolerance": SLOPE_TOLERANCES[step], "device": "float64", "reason": reason}
                yield _row(backend, "exact", "oracle", f"{phase}/slope, step {step}", **fields)
    if witness is None:
        return
    for tensor, exact in oracle.under("exact").items():
        found, noise = witness.arrays.get(f"exact/{tensor}"), oracle.arrays.get(f"noise/{tensor}")
        if found is None or noise is None or found.shape != exact.shape or not exact.size:
            continue
        cancelled = np.max(noise) * 2.0 ** (errors.BITS[dtype] + 1)
        scale = max(np.max(np.abs(exact)), cancelled, np.finfo("float64").tiny)
        error = float(np.max(np.abs(found - exact)) / scale)
        reason = f"the oracle is broken: TensorFlow and JAX differ by {error:.2g} in float64"
        yield _row(
            "tensorflow",
            "exact",
            "oracle",
            tensor,
            error=error,
            tolerance=WITNESS_TOLERANCE,
            reason=reason,
            device="float64",
        )


def _failures(records: dict[str, Record]) -> Iterator[dict[str, Any]]:
    for backend, record in records.items():
        for part, reason in record.notes["failures"].items():
            yield _failure(backend, part, reason)


def _failure(backend: str, part: str, reason: str) -> dict[str, Any]:
    mode, _, what = part.partition("/")
    return _row(backend, mode, "failure", what or part, error=np.inf, reason=reason)


def _changes(backend: str, new: Record, old: Record, oracle: Record, dtype: str) -> Iterator[dict[str, Any]]:
    earlier = {(mode, tensor): value for _, mode, tensor, value in _tensors({backend: old})}
    for _, mode, tensor, value in _tensors({backend: new}):
        before, noise = earlier.get((mode, tensor)), oracle.arrays.get(f"noise/{tensor}")
        if before is None or noise is None or before.shape != value.shape:
            yield _row(backend, mode, "change", tensor, reason="there is no such result in the other run")
        else:
            error = errors.measure(value, before.astype("float64"), noise * np.sqrt(2), dtype)
            yield _value_row(backend, mode, "change", tensor, error, errors.limit(dtype, []))
    yield from _failures({backend: new})


def _pairs(records: dict[str, Record], oracle: Record, dtype: str, bad: set[tuple]) -> Iterator[dict[str, Any]]:
    """The distance of each two backends; they agree where neither is among the `bad`."""
    values: dict[tuple[str, str], Arrays] = defaultdict(dict)
    for backend, mode, tensor, value in _tensors(records):
        values[mode, tensor][backend] = value
    for (mode, tensor), found in values.items():
        exact, noise = oracle.arrays.get(f"exact/{tensor}"), oracle.arrays.get(f"noise/{tensor}")
        if exact is None or noise is None:
            continue
        for first, second in itertools.combinations(["float64", *found], 2):
            one, other = exact if first == "float64" else found[first], found[second]
            if one.shape == other.shape:
                error = errors.measure(other, one, noise, dtype)
                yield {
                    "mode": mode,
                    "tensor": tensor,
                    "first": first,
                    "second": second,
                    "max_ulp": np.inf if error.misplaced else error.max_ulp,
                    "agree": not {(first, mode, tensor), (second, mode, tensor)} & bad,
                }


# What the rows share. ------------------------------------------------------------------------------------------------


def _tensors(records: dict[str, Record]) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Backend, mode, phase and name, value."""
    for backend, record in records.items():
        for name, value in record.arrays.items():
            mode, _, tensor = name.partition("/")
            if mode in schema.MODES:
                yield backend, mode, tensor, value


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


def _finished(row: dict[str, Any], technique: str, dtype: str, device: str, about: dict[str, Any]) -> dict[str, Any]:
    """The row with its verdict; an exception of the catalogue widens its tolerance."""
    row = {"technique": technique, "device": device, "dtype": dtype} | row
    path = f"{row['backend']}/{dtype}/{row['mode']}/{row['tensor']}"
    is_fine = row["error"] <= row["tolerance"]
    for pattern, (factor, why) in about["tolerances"].items():
        if not is_fine and fnmatch.fnmatchcase(path, pattern):
            row["tolerance"] = (row["tolerance"] or 1.0) * factor
            row["reason"] = f"{EXCEPTED}: {why}"
    verdict = AGREE if row["error"] <= row["tolerance"] else DISAGREE
    if is_fine and row["check"] in ("oracle", "repeat"):
        row["reason"] = ""
    return row | {"verdict": verdict}


def _record(path: Path) -> Record:
    arrays = path.with_suffix(".npz")
    return Record(read_arrays(arrays) if arrays.exists() else {}, read_json(path))


def _same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(value, other[name]) for name, value in one.items())
