"""The ranking for a terminal, and as JSON."""

from typing import Any

from rich.console import Console

from bench.analysis import formats
from bench.analysis.pages import fastest_backend, json_text, single_backend, terminal
from bench.analysis.tables import comparison, machines_and_runs
from bench.analysis.tables.load import Loaded

HEADINGS = ("family", "what", "fastest", "times its time [95 % interval]", "over")


def as_json(loaded: Loaded) -> dict[str, Any]:
    """Everything that the tables say, and the numbers behind it."""
    return {
        "ranking": json_text.records(comparison.ranking(loaded)),
        "not_ok": machines_and_runs.troubles(loaded.frame),
        "machines": machines_and_runs.machines(loaded.launches),
        "runs": machines_and_runs.runs(loaded.launches),
        "cautions": [*machines_and_runs.unfinished(loaded.launches), *comparison.unlike(loaded.launches)],
        "problems": loaded.problems,
    }


def show(loaded: Loaded, console: Console) -> None:
    for line in (*machines_and_runs.preliminary(loaded.launches), *(f"missing: {line}" for line in loaded.missing)):
        console.print(formats.line(line))
    for one in single_backend.alone(loaded.frame):
        lines = [
            (family, question, "; ".join(found))
            for family, of_family in one.rows.items()
            for question, found in zip(one.questions, of_family, strict=True)
            if found
        ]
        console.print(terminal.table(one.title, ("family", "what", "it takes"), lines))
    for block in fastest_backend.blocks(comparison.ranking(loaded)):
        rows = [
            (family, question, answer.headline, _multiples(answer), answer.basis)
            for family, found in block.rows.items()
            for question, answer in zip(block.questions, found, strict=True)
            if answer is not None
        ]
        console.print(terminal.table(block.title, HEADINGS, rows))
        if block.caution:
            console.print(block.caution)
    for trouble in machines_and_runs.troubles(loaded.frame):
        console.print(formats.line(trouble_line(trouble)))
    for line in (*machines_and_runs.unfinished(loaded.launches), *comparison.unlike(loaded.launches)):
        console.print(formats.line(line))


def _multiples(answer: fastest_backend.Answer) -> str:
    return "; ".join(f"{backend} {ratio} {interval}".rstrip() for backend, ratio, interval in answer.details)


def trouble_line(trouble: dict[str, Any]) -> str:
    where = f"{trouble['workload']} on {trouble['backend']}, {trouble['device']}"
    return f"{trouble['status']}: {where} ({', '.join(trouble['cells'])}): {trouble['reason']}"
