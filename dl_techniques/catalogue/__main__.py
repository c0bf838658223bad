"""`python -m dl_techniques.catalogue > TECHNIQUES.md`: the gallery of all techniques."""

import inspect
from collections.abc import Iterable, Iterator
from itertools import groupby
from urllib.parse import quote

from dl_techniques.catalogue import FUNCTIONS, TECHNIQUES, TRAINING_TECHNIQUES, WEIGHT_TECHNIQUES, Function, Technique

LINKS = {"arXiv": "https://arxiv.org/abs/", "doi": "https://doi.org/"}


def gallery() -> str:
    """A table for each family: the technique, what it is, its paper; each name leads to its file."""
    techniques = [*TECHNIQUES, *WEIGHT_TECHNIQUES, *TRAINING_TECHNIQUES]
    listed: list[Technique | Function] = [*techniques, *FUNCTIONS]
    rows = sorted(listed, key=lambda row: (_family(row), row.name.lower(), row.name))
    lines = [
        "# Techniques",
        "",
        f"{len(techniques)} techniques and {len(FUNCTIONS)} functions. Each name leads to its file, whose docstring "
        "has the formula.",
    ]
    for family, members in groupby(rows, _family):
        lines += ["", f"## {family}", "", "| technique | what it is | paper |", "|---|---|---|", *_lines(members)]
    return "\n".join(lines) + "\n"


def _lines(rows: Iterable[Technique | Function]) -> Iterator[str]:
    for row in rows:
        path = row.subject.__module__.replace(".", "/") + ".py"
        summary = " ".join((inspect.getdoc(row.subject) or "").partition("\n\n")[0].split()).rstrip(".")
        yield f"| [`{row.name}`]({path}) | {summary} | {_paper(row.paper)} |"


def _family(row: Technique | Function) -> str:
    parts = row.subject.__module__.split(".")
    return parts[2] if parts[1] == "layers" else parts[1]


def _paper(paper: str) -> str:
    source, _, number = paper.partition(":")
    if source not in LINKS:
        return "none"
    return f"[{paper.replace('<', '&lt;')}]({LINKS[source]}{quote(number, safe='/:;.()')})"


if __name__ == "__main__":
    print(gallery(), end="")
