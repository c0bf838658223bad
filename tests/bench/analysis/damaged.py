"""Damages a made-up run at random and counts what the analysis does wrong with it; everything must be 0:

python -m tests.bench.analysis.damaged --count 2000
"""

import argparse
import contextlib
import gc
import io
import json
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bench.analysis import __main__ as analysis
from bench.analysis import load
from bench.analysis.pages import index
from bench.analysis.tables import history, machines_and_runs
from bench.commandline import EXIT_CODES, OK, USAGE
from tests.bench.analysis.synthetic import cell, write_launch

LIMIT_S = 60
"""Seconds after which a command hangs."""
FAULTS = ("traceback", "hang", "silent loss", "wrong exit code")
ODD: tuple[Any, ...] = (None, True, -1, 0, 2**63, 10**30, 1e300, -0.5, "", "x", "é\u202e", [], ["x"], {}, {"x": None})
"""Values that a field does not expect."""

Random = np.random.Generator
Contents = dict[str, bytes]
"""What the files of a folder hold, by their paths in it."""


def write(folder: Path) -> None:
    """Three passes over two backends, and the history of their report."""
    results = [
        (cell(native="native_rms_norm", flops=1e6, bytes=1e5), [1e-3] * 9),
        (cell("native_rms_norm"), [2e-3] * 9),
        (cell(size="tokens=512"), [3e-3] * 9),
        (cell("broken"), ("failed", "ValueError")),
    ]
    settings = {"profile": "smoke", "workloads": [], "launches": 3, "keyword": "", "threads": 2}
    for launch in (1, 2, 3):
        for number, backend in enumerate(("jax", "torch")):
            hours = launch + number / 2
            write_launch(folder, results, backend=backend, launch=launch, hours=hours, settings=settings)
    (folder / "run" / "lock").write_bytes(b"jax-torch 1\n")
    history.add(load([folder / "run"]), folder / "history")


# Damage to the bytes of any file.


def cut(content: bytes, rng: Random) -> bytes:
    return content[: rng.integers(len(content))]


def torn(content: bytes, rng: Random) -> bytes:
    begin = rng.integers(len(content))
    return content[:begin] + content[begin + rng.integers(1, 200) :]


def flipped(content: bytes, rng: Random) -> bytes:
    changed = bytearray(content)
    for place in rng.integers(len(content), size=rng.integers(1, 9)):
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


def emptied(content: bytes, rng: Random) -> bytes:
    return b""


# Damage to lines.


def without_lines(content: bytes, rng: Random) -> bytes:
    lines = content.splitlines(keepends=True)
    begin = rng.integers(len(lines))
    return b"".join(lines[:begin] + lines[begin + rng.integers(1, 9) :])


def doubled_lines(content: bytes, rng: Random) -> bytes:
    lines = content.splitlines(keepends=True)
    lines.insert(rng.integers(len(lines) + 1), lines[rng.integers(len(lines))])
    return b"".join(lines)


# Damage to values.


def odd_value(content: bytes, rng: Random) -> bytes:
    return _changed(content, rng, lambda holder, key: holder.__setitem__(key, ODD[rng.integers(len(ODD))]))


def without_value(content: bytes, rng: Random) -> bytes:
    return _changed(content, rng, lambda holder, key: holder.__delitem__(key))


def swapped_values(content: bytes, rng: Random) -> bytes:
    def swap(holder: Any, key: Any) -> None:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        other = keys[rng.integers(len(keys))]
        holder[key], holder[other] = holder[other], holder[key]

    return _changed(content, rng, swap)


def _changed(content: bytes, rng: Random, change: Callable[[Any, Any], None]) -> bytes:
    """JSON, or one line of a journal, with one of its values changed."""
    lines = content.splitlines()
    number = rng.integers(len(lines))
    document = json.loads(lines[number])
    places = list(_places(document))
    holder, key = places[rng.integers(len(places))]
    change(holder, key)
    lines[number] = json.dumps(document).encode()
    return b"\n".join(lines) + b"\n"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every value within, but of numbers in a row only the first."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
        elif isinstance(value, list):
            return


# Damage to tables.


def null(content: bytes, rng: Random) -> bytes:
    rows = pq.read_table(pa.BufferReader(content)).to_pylist()
    rows[rng.integers(len(rows))][history.SCHEMA.names[rng.integers(len(history.SCHEMA))]] = None
    return history.parquet(pa.Table.from_pylist(rows, history.SCHEMA))


def other_columns(content: bytes, rng: Random) -> bytes:
    table = pq.read_table(pa.BufferReader(content))
    name = table.column_names[rng.integers(table.num_columns)]
    buffer = io.BytesIO()
    kept = table.drop_columns([name])
    changed = kept if rng.random() < 0.5 else kept.append_column(name, pa.array([b"x"] * len(kept)))
    pq.write_table(changed, buffer)
    return buffer.getvalue()


BYTES = (cut, torn, flipped, emptied)
DAMAGE: dict[str, tuple[Callable[[bytes, Random], bytes], ...]] = {
    ".json": (*BYTES, odd_value, without_value, swapped_values),
    ".jsonl": (*BYTES, without_lines, doubled_lines, odd_value, without_value, swapped_values),
    ".parquet": (*BYTES, null, other_columns),
}


def damage(contents: Contents, rng: Random) -> tuple[Contents, str]:
    """The same folder with one or two files damaged or missing, and what was done."""
    changed, done = dict(contents), []
    for _ in range(rng.integers(1, 3)):
        suffix = list(DAMAGE)[rng.integers(len(DAMAGE))]
        names = [name for name in changed if Path(name).suffix == suffix and changed[name]]
        if not names:
            continue
        name = names[rng.integers(len(names))]
        ways = DAMAGE[suffix]
        way = rng.integers(len(ways) + 1)
        if way == len(ways):
            del changed[name]
            done.append(f"{name} removed")
            continue
        with contextlib.suppress(ValueError, LookupError, TypeError, OSError):  # what the first way left is no JSON
            changed[name] = ways[way](changed[name], rng)
            done.append(f"{name} {ways[way].__name__}")
    return changed, ", ".join(done)


# What the analysis makes of it.


class Hangs(BaseException):
    """A command that does not end."""


def _hang(*_: Any) -> None:
    raise Hangs


def commands(folder: Path) -> list[tuple[Any, ...]]:
    run = folder / "run"
    return [
        ("summary", run, "--json"),
        ("compare", run, folder / "intact"),
        ("export", run, "--github-benchmark"),
        ("report", run, "--out", folder / "report", "--history", folder / "history"),
    ]


def faults(command: tuple[Any, ...], run: Path, intact: int) -> Iterator[tuple[str, str]]:
    """What goes wrong with a damaged run: one of `FAULTS`, and where."""
    try:
        loaded = load([run])
    except Exception as error:
        yield "traceback", _told(error)
        return
    told = [*loaded.problems, *machines_and_runs.preliminary(loaded.launches)]
    if measured(loaded.frame) < intact and not told:
        yield "silent loss", f"{measured(loaded.frame)} of {intact} measurements"
    code, lines = _run([*map(str, command)])
    if code in FAULTS:
        yield code, f"{command[0]}: {lines}"
    elif code not in EXIT_CODES or (code == OK and loaded.problems) or (code == USAGE and not lines):
        yield "wrong exit code", f"{command[0]} ended with {code} and {lines!r}"


def measured(frame: pd.DataFrame) -> int:
    """Rows, and the launches behind them."""
    return len(frame) + int(frame["launches"].sum())


def _run(command: list[str]) -> tuple[Any, str]:
    """The exit code and what was told on stderr; or a fault and where."""
    errors = io.StringIO()
    signal.alarm(LIMIT_S)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            return analysis.main(command), errors.getvalue()
    except SystemExit as ended:
        return ended.code, errors.getvalue()
    except Hangs:
        return "hang", ""
    except Exception as error:
        return "traceback", _told(error)
    finally:
        signal.alarm(0)


def _told(error: Exception) -> str:
    places = traceback.extract_tb(error.__traceback__)
    own = [f"{Path(place.filename).name}:{place.lineno}" for place in places if "bench" in place.filename]
    return f"{' '.join(own)}: {error!r:.200}"


def campaign(folder: Path, numbers: range) -> list[tuple[int, str, str, str]]:
    """Number, damage, fault and place of all that went wrong in these trials; a number is a seed."""
    signal.signal(signal.SIGALRM, _hang)
    analysis.MOST_DRAWN = -1  # what is drawn is in the table, and takes a hundred times as long
    index.get_plotlyjs = str
    gc.freeze()  # statsmodels collects in each comparison
    write(folder)
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shutil.copytree(folder / "run", folder / "intact")
    intact = measured(load([folder / "run"]).frame)
    found = []
    for number in numbers:
        changed, done = damage(contents, np.random.default_rng(number))
        restore(folder, contents, changed)
        command = commands(folder)[number % 4]
        found += [(number, done, *fault) for fault in faults(command, folder / "run", intact)]
    gc.unfreeze()
    return found


def restore(folder: Path, contents: Contents, changed: Contents) -> None:
    for name in contents:
        path = folder / name
        path.unlink(missing_ok=True)
        if name in changed:
            path.write_bytes(changed[name])


def main() -> int:
    parser = argparse.ArgumentParser(description="Damage a made-up run at random; exit 1 where that goes wrong.")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(Path(folder), range(options.first, options.first + options.count))
    for number, done, fault, place in found:
        print(f"{number}: {done}: {fault}: {place}")
    counts = Counter(fault for _, _, fault, _ in found)
    print(f"{options.count} damaged runs: " + ", ".join(f"{counts[fault]} {fault}" for fault in FAULTS))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
