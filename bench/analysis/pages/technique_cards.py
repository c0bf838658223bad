"""All that is known of each technique, as the page shows it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.analysis import formats
from bench.analysis.figures import growth
from bench.analysis.figures.chart_data import Material
from bench.analysis.figures.interactive import Cell
from bench.analysis.pages import chart_sections, other_results, trend
from bench.analysis.pages.chart_registry import Gallery, Group
from bench.analysis.pages.other_results import Companions
from bench.analysis.pages.trend import Picture
from bench.analysis.tables import comparison, machines_and_runs
from bench.analysis.tables.series import Line

MOST_STEPS = 6


@dataclass(frozen=True)
class Technique:
    """What is known of one technique; lists are empty where nothing is."""

    name: str
    families: str
    shapes: list[str]
    cells: int
    verdicts: str
    to_native: list[str]
    exponents: list[str]
    troubles: list[dict[str, Any]]
    numerics: list[tuple[str, dict[str, Any]]]
    regressions: list[str]
    steps: list[Picture]
    groups: list[Group]


def techniques(
    frame: pd.DataFrame, source: Material, beside: Companions, lines: Sequence[Line], gallery: Gallery
) -> list[Technique]:
    """One for each that has a cell, by name."""
    by_technique: dict[str, list[Cell]] = defaultdict(list)
    for cell in source.cells.itertuples():
        by_technique[cell.technique].append(cell)
    counts = Counter(frame["technique"])
    rows = dict(list(frame[frame["status"] != "ok"].groupby("technique")))
    steps = _by_workload((line for line in lines if line.changes), lambda line: line.cell["workload"])
    fits = _by_workload((f for fs in source.fits.values() for f in fs.values()), lambda fit: fit.workload)
    workers, matrix = other_results.matrix(beside.numerics)
    compared = dict(list(beside.regressions.groupby("workload")))
    found = []
    for name in sorted(by_technique):
        cells = by_technique[name]
        workloads = list(dict.fromkeys(cell.workload for cell in cells))
        changed = [trend.picture(line, line.changes[-1]) for w in workloads for line in steps.get(w, [])]
        found.append(
            Technique(
                name=name,
                families=", ".join(dict.fromkeys(cell.family for cell in cells)),
                shapes=list(dict.fromkeys(cell.shape for cell in cells if isinstance(cell.shape, str))),
                cells=counts[name],
                verdicts=_verdicts(cells),
                to_native=_to_native(cells),
                exponents=[growth.told(fit) for w in workloads for fit in fits.get(w, [])],
                troubles=machines_and_runs.troubles(rows[name]) if name in rows else [],
                numerics=list(zip(workers, matrix[name], strict=True)) if name in matrix else [],
                regressions=[line for w in workloads if w in compared for line in other_results.changes(compared[w])],
                steps=changed[:MOST_STEPS],
                groups=_groups(cells, gallery),
            )
        )
    return found


def _by_workload(items: Iterable[Any], workload: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for item in items:
        found[workload(item)].append(item)
    return found


def _verdicts(cells: Iterable[Cell]) -> str:
    """How many of the compared cases each backend wins."""
    cases: dict[tuple, str] = {}
    for cell in cells:
        if cell.measured and cell.backend == cell.fastest:
            cases[tuple(getattr(cell, name) for name in comparison.CASE)] = (
                cell.backend if cell.verdict == "fastest" else cell.verdict
            )
    counts = Counter(cases.values())
    alone, apart = counts.pop("alone", 0), counts.pop("apart", 0)
    parts = [f"{backend} fastest in {count}" for backend, count in counts.most_common() if backend != "undecided"]
    parts += [f"undecided in {counts['undecided']}"] if counts["undecided"] else []
    told = f"{', '.join(parts)} of {formats.count(counts.total(), 'case')}" if parts else ""
    others = {"on one backend alone": alone, "not measured in turns": apart}
    return "; ".join(filter(None, [told, *(f"{formats.count(n, 'case')} {how}" for how, n in others.items() if n)]))


def _to_native(cells: Iterable[Cell]) -> list[str]:
    known: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.native_ratio > 0:
            known[cell.backend].append(cell)
    return [_range(backend, found) for backend, found in known.items()]


def _range(backend: str, cells: Sequence[Cell]) -> str:
    least, most = (choose(cells, key=lambda cell: cell.native_ratio) for choose in (min, max))
    limits = [
        f"{formats.ratio(c.native_ratio)} {formats.interval(c.native_low, c.native_high)}" for c in (least, most)
    ]
    launches = formats.count(min(cell.launches for cell in cells), "launch")
    return (
        f"{backend}: {' to '.join(limits)} times its own code, over {formats.count(len(cells), 'cell')} of {launches}"
    )


def _groups(cells: Sequence[Cell], gallery: Gallery) -> list[Group]:
    """Its times in every setting."""
    by_setting: dict[str, list[Cell]] = defaultdict(list)
    several = len({cell.machine for cell in cells}) > 1
    for cell in cells:
        names = [cell.device, cell.dtype]
        by_setting[" · ".join([cell.machine, *names] if several else names)].append(cell)
    made = {
        s: chart_sections.backends_side_by_side(own, (*chart_sections.RUNS, *chart_sections.COMPILES), gallery)
        for s, own in by_setting.items()
    }
    return [Group(setting, "", charts) for setting, charts in made.items() if charts]
