"""What the commands of the suite share. Standard library only."""

import argparse
import io
import re
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

OK, FOUND, USAGE, UNDECIDED, INCOMPLETE, INTERRUPTED = 0, 1, 2, 3, 4, 130
EXIT_CODES = {
    OK: "all is well",
    FOUND: "it is not: a cell is slower, backends disagree, a case did not end well, a file was left out",
    USAGE: "wrong use, or nothing could be done",
    UNDECIDED: "nothing is slower as far as can be told, but some cells are undecided",
    INCOMPLETE: "nothing was compared, or something that should have been was not",
    INTERRUPTED: "interrupted; what is finished is kept",
}
"""The exit codes of all commands."""


class Refused(Exception):
    """Wrong use; the text is one line that says what is right."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; see --help\n")


def listen_to_interrupts() -> None:
    """Lets SIGINT and SIGTERM raise `KeyboardInterrupt`; a shell's background job would ignore the first."""
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)


def speak_any_locale() -> None:
    """Lets a terminal that knows ASCII only show an escape, where it would end the command with a verdict's code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def told(error: OSError, run: Path | None, name: str) -> str:
    """Returns one line on a disk that is full, or a folder that is gone, and how to go on with what is left."""
    what = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    if run is None or not run.exists():
        return what
    return f"{what}; what is finished is kept. Go on with: --resume --run {name}"


def run_name(name: str | None) -> str:
    """Returns the name of a run, by default the time; raises `Refused` where it could not be a folder's."""
    if not name:
        return datetime.now().strftime("%Y%m%d-%H%M%S")
    if not re.fullmatch(r"[\w.+-]+", name):
        raise Refused(f"--run must be a plain name of letters, digits and . _ + -, not {name!r}")
    return name


def workloads(text: str) -> list[str]:
    """Returns the names and files in a list; files are absolute, as a launch runs in another folder than the user."""
    return [str(Path(name).absolute()) if name.endswith(".py") else name for name in text.split(",") if name]
