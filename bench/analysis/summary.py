"""The ranking for a terminal, and as JSON."""

from typing import Any

from rich.console import Console

from bench.analysis import alone, answers, compare, plain, provenance, terminal, text
from bench.analysis.load import Loaded

HEADINGS = ("family", "what", "fastest", "times its time [95 % interval]", "over")


def as_json(loaded: Loaded) -> dict[str, Any]:
    """Everything that the tables say, and the numbers behind it."""
    return {
        "ranking": plain.records(compare.ranking(loaded)),
        "not_ok": provenance.troubles(loaded.frame),
        "machines": provenance.machines(loaded.launches),
        "runs": provenance.runs(loaded.launches),
        "cautions": [*provenance.unfinished(loaded.launches), *compare.unlike(loaded.launches)],
        "problems": loaded.problems,
    }


def show(loaded: Loaded, console: Console) -> None:
    for line in (*provenance.preliminary(loaded.launches), *(f"missing: {line}" for line in loaded.missing)):
        console.print(text.line(line))
    for one in alone.alone(loaded.frame):
        lines = [
            (family, question, "; ".join(found))
            for family, of_family in one.rows.items()
            for question, found in zip(one.questions, of_family, strict=True)
            if found
        ]
        console.print(terminal.table(one.title, ("family", "what", "it takes"), lines))
    for block in answers.blocks(compare.ranking(loaded)):
        rows = [
            (family, question, answer.headline, _multiples(answer), answer.basis)
            for family, found in block.rows.items()
            for question, answer in zip(block.questions, found, strict=True)
            if answer is not None
        ]
        console.print(terminal.table(block.title, HEADINGS, rows))
        if block.caution:
            console.print(block.caution)
    for trouble in provenance.troubles(loaded.frame):
        console.print(text.line(trouble_line(trouble)))
    for line in (*provenance.unfinished(loaded.launches), *compare.unlike(loaded.launches)):
        console.print(text.line(line))


def _multiples(answer: answers.Answer) -> str:
    return "; ".join(f"{backend} {ratio} {interval}".rstrip() for backend, ratio, interval in answer.details)


def trouble_line(trouble: dict[str, Any]) -> str:
    where = f"{trouble['workload']} on {trouble['backend']}, {trouble['device']}"
    return f"{trouble['status']}: {where} ({', '.join(trouble['cells'])}): {trouble['reason']}"
