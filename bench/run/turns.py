"""The two ends of a conversation by which launches that are compared measure in turns. Standard library only.

Two processes that each measure the same cases live side by side. Each asks, with one byte down a pipe, to begin a
case, to make a visit (a stretch of measuring) or to end. It goes on when it is answered, and holds its turn until it
asks again. So both prepare a case at the same time, but only one of them ever measures, and what is compared was
measured within the same second.
"""

import contextlib
import os
import select
from collections.abc import Callable, Sequence

CASE, VISIT, END, GONE = b"c", b"v", b"e", b""
VISITS = 8
"""Stretches into which the rounds of a case are cut: short, as a shared machine's pace changes within a second."""


class Lost(Exception):
    """A process can take no more turns."""

    def __init__(self, index: int):
        self.index = index


class Hung(Lost):
    """It took too long."""


class Gone(Lost):
    """It ended without asking to."""


class Asker:
    """The measuring process' end."""

    def __init__(self, hear: int, tell: int):
        self.hear, self.tell = hear, tell

    def ask(self, wish: bytes) -> None:
        """Returns when the wish is granted."""
        os.write(self.tell, wish)
        if os.read(self.hear, 1) == GONE:
            raise SystemExit("the process that gives the turns is gone")


class Granter:
    """The supervising process' end, for one measuring process."""

    def __init__(self) -> None:
        theirs_in, self._tell = os.pipe()
        self.hear, theirs_out = os.pipe()
        self.theirs = (theirs_in, theirs_out)

    def close_theirs(self) -> None:
        """After the fork: only the measuring process may hold its own ends, or its death goes unheard."""
        for descriptor in self.theirs:
            os.close(descriptor)

    def close(self) -> None:
        os.close(self._tell)
        os.close(self.hear)

    def grant(self) -> None:
        with contextlib.suppress(BrokenPipeError):  # the next wish will say that the process is gone
            os.write(self._tell, b"g")


def conduct(
    granters: Sequence[Granter], order: Sequence[int], seconds: float, *, startup: float, begun: Callable[[], None]
) -> None:
    """Gives turns until every process has ended; visits in the order given, then reversed, and so on.

    Args:
        granters: one a process.
        order: their indices, in the order of the first visit.
        seconds: time that a process may take over a case's preparation or a visit.
        startup: time that it may take before its first case.
        begun: called when all are about to begin their first case.

    Raises:
        Hung: a process took longer.
        Gone: a process ended without asking to.
    """
    order = list(order)
    wishes = _wishes(granters, order, startup)
    if set(wishes.values()) == {CASE}:
        begun()
    while set(wishes.values()) != {END}:
        visiting = [i for i in order if wishes[i] == VISIT]
        for i in visiting:
            granters[i].grant()
            wishes |= _wishes(granters, [i], seconds)
        if visiting:
            order.reverse()
            continue
        beginning = [i for i in order if wishes[i] == CASE]
        for i in beginning:
            granters[i].grant()
        wishes |= _wishes(granters, beginning, seconds)
    for i in order:
        granters[i].grant()


def _wishes(granters: Sequence[Granter], indices: Sequence[int], seconds: float) -> dict[int, bytes]:
    found = {}
    for i in indices:
        ready, _, _ = select.select([granters[i].hear], [], [], seconds)
        if not ready:
            raise Hung(i)
        found[i] = os.read(granters[i].hear, 1)
        if found[i] == GONE:
            raise Gone(i)
    return found
