"""Tables for a terminal. Text from results is printed as it is, but for what would steer the terminal."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from bench.analysis import formats

WIDTH = 140
"""Letters of a line where no terminal tells how many it has."""


def console() -> Console:
    width = None if sys.stdout.isatty() else WIDTH
    return Console(width=width, markup=False, emoji=False, highlight=False)


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[str] = ()) -> Table:
    made = Table(title=formats.line(title), title_justify="left", box=box.SIMPLE_HEAD)
    for heading in headings:
        made.add_column(heading, justify="right" if heading in numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*map(formats.line, row))
    return made
