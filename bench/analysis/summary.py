"""The ranking as plain text, for a terminal."""

from bench.analysis import compare, page
from bench.analysis.load import Loaded


def summary(loaded: Loaded) -> str:
    """What the first screen of the page says."""
    lines = []
    for block in page.blocks(loaded.frame):
        lines += [block.title, "=" * len(block.title)]
        for family, answers in block.rows.items():
            lines += ["", family]
            for question, answer in zip(block.questions, answers, strict=True):
                lines += [f"  {question:<16} {_sentence(answer)}"]
        lines += ["", *([block.caution] if block.caution else []), ""]
    lines += [f"{trouble['status']}: {_cells(trouble)}" for trouble in page.troubles(loaded.frame)]
    lines += [*page.unfinished(loaded.launches), *compare.unlike(loaded.launches)]
    return "\n".join(lines).strip()


def _sentence(answer: page.Answer | None) -> str:
    if answer is None:
        return "not measured"
    details = [f"{backend} {ratio} {interval}".rstrip() for backend, ratio, interval in answer.details]
    return "; ".join([answer.headline, *details, answer.basis])


def _cells(trouble: dict) -> str:
    where = f"{trouble['workload']} on {trouble['backend']}, {trouble['device']}"
    return f"{where} ({', '.join(trouble['cells'])}): {trouble['reason']}"
