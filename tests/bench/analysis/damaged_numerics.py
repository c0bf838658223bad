"""Damages a run of `bench.numerics` in many ways, one at a time, and has each judged.

`python -m tests.bench.analysis.damaged_numerics --count 600` names each that ends in a traceback or a wrong exit
code, is not told in one line with the file and the remedy, or is taken for agreement.
"""

import argparse
import contextlib
import io
import json
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis.__main__ import main as judge
from bench.commandline import FOUND, INCOMPLETE, OK, USAGE
from bench.numerics.run_folder import read_arrays, write_arrays
from tests.bench.analysis.numerics_made_up import BACKENDS, TENSORS, Folder

GONE = object()
FILES = ("cut", "cut by little", "empty", "another kind of file")
OTHERS = (None, [], {}, "x", -1, True, [None], {"x": None})
NOT_JUDGED = {"keras_version", "only", "config", "layer", "threads", "input_shapes", "integers", "precision"}
"""Fields that other values of the right type change nothing of."""


def make(path: Path, backends: Sequence[str]) -> Path:
    """A run in which each kind of result is there."""
    folder = Folder(path, random=True, hostile=["huge"])
    for absent in {*BACKENDS} - {*backends}:
        folder.drop(absent)
    for i, backend in enumerate(backends):
        found = {f"hostile/huge/{name.removeprefix('inference/')}": np.zeros((4, 6), np.int8) for name in TENSORS}
        draws = np.random.default_rng(i).standard_normal((192, 2))
        folder.arrays[f"{backend}-cpu"] |= {**found, "draws": draws}
    return folder.write()


def campaign(place: Path, count: int, seed: int, backends: Sequence[str] = BACKENDS) -> list[str]:
    """Returns what went wrong, one line a damage."""
    whole, run, out = make(place / "whole", backends), place / "run", place / "out"
    generator, wrong = np.random.default_rng(seed), []
    paths = sorted(path.relative_to(whole) for path in whole.rglob("*.*"))
    for number in range(count):
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(whole, run)
        path = run / paths[generator.integers(len(paths))]
        name, harmless = damage(path, generator)
        against = ["--against", str(whole)] if path.parts[-3] == "cases" else []
        command = ["numerics", str(run), *against, "--out", str(out)]
        problem = judged(command, path, harmless=harmless, is_file=name in FILES)
        if problem:
            wrong.append(f"{number}: {path.relative_to(run)}, {name}: {problem}")
    return wrong


def judged(arguments: list[str], path: Path, *, harmless: bool, is_file: bool) -> str:
    """What is wrong with the judgement of a run with that damaged file; empty where nothing is."""
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            code = judge(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        except Exception:
            return traceback.format_exc().strip().splitlines()[-1]
    lines = told.getvalue().splitlines()
    naming = [line for line in lines if path.stem in line or path.parent.name in line]
    if code == OK:
        return "" if harmless else "taken for agreement"
    if code not in (FOUND, USAGE, INCOMPLETE) or (code == USAGE and len(lines) != 1):
        return f"exit code {code} with {len(lines)} lines"
    if not naming:
        return f"no line names it: {lines}"
    if code != FOUND and not any(re.search("delete|--run|--cases-of", line) for line in naming):
        return f"no remedy: {lines}"
    if is_file and sum(str(path) in line or str(path.with_suffix(".json")) in line for line in lines) != 1:
        return f"not one line names the file: {lines}"
    return ""


def damage(path: Path, generator: np.random.Generator) -> tuple[str, bool]:
    """Damages a file; returns how, and whether nothing that is judged has changed."""
    kinds = [*_bytes(path.read_bytes(), generator), *(_members if path.suffix == ".npz" else _fields)(path, generator)]
    name, content, harmless = kinds[generator.integers(len(kinds))]
    before = _meaning(path)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    return name, harmless or before == _meaning(path)


Damage = tuple[str, bytes | None, bool]


def _bytes(content: bytes, generator: np.random.Generator) -> Iterator[Damage]:
    yield "cut", content[: int(generator.integers(1, len(content)))], False
    yield "cut by little", content[: -int(generator.integers(1, 9))], False
    for count in (1, 1, 8):
        flipped = bytearray(content)
        for place in generator.integers(len(content), size=count):
            flipped[place] ^= 1 << int(generator.integers(8))
        yield f"{count} bits flipped", bytes(flipped), False
    yield "empty", b"", False
    yield "gone", None, False
    yield "another kind of file", b"PK\x03\x04 nothing", False


def _members(path: Path, generator: np.random.Generator) -> Iterator[Damage]:
    arrays = read_arrays(path)
    name = [*arrays][generator.integers(len(arrays))]
    value = arrays.pop(name)
    yield f"{name} missing", _packed(path, arrays), False
    changes: dict[str, Any] = {
        "flat": value.ravel(),
        "transposed": value.T,
        "shorter": value[:-1],
        "a number": value[0, 0],
        "one axis more": value[None],
        "empty": value[:0],
        "integers": value.astype("int64"),
        "truth values": value.astype(bool),
        "complex": value.astype("complex64"),
        "text": value.astype(str),
        "not numbers": value * np.nan,
    }
    for kind, changed in changes.items():
        yield f"{name} {kind}", _packed(path, {**arrays, name: changed}), False
    yield f"{name} renamed", _packed(path, {**arrays, f"{name}x": value}), False


def _packed(path: Path, arrays: dict[str, np.ndarray]) -> bytes:
    temporary = path.with_suffix(".new")
    write_arrays(temporary, arrays)
    content = temporary.read_bytes()
    temporary.unlink()
    return content


def _fields(path: Path, generator: np.random.Generator) -> Iterator[Damage]:
    content = json.loads(path.read_bytes())
    yield from ((f"all of it {other}", json.dumps(other).encode(), False) for other in OTHERS if other != content)
    places = [*_places(content)]
    for _ in range(8):
        *way, last = places[generator.integers(len(places))]
        for other in (*OTHERS, GONE):
            changed, name = json.loads(path.read_bytes()), "gone" if other is GONE else json.dumps(other)
            parent = changed
            for part in way:
                parent = parent[part]
            if other is not GONE:
                parent[last] = other
            elif isinstance(parent, dict):
                del parent[last]
            is_harmless = bool({*way, last} & NOT_JUDGED) or (
                last == "hostile" and other == []
            )  # what is there is judged
            yield f"{[*way, last]} {name}", json.dumps(changed).encode(), is_harmless


def _places(value: Any, way: tuple = ()) -> Iterator[tuple]:
    """The way to each value within a JSON value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*way, name)
        yield from _places(part, (*way, name))


def _meaning(path: Path) -> Any:
    """What a file holds, comparable; itself where it holds nothing that can be read."""
    try:
        if path.name == "facts.json":
            return json.loads(path.read_bytes())["techniques"]
        if path.suffix == ".json":
            return json.loads(path.read_bytes())
        return {name: (x.dtype.str, x.shape, x.tobytes()) for name, x in read_arrays(path).items()}
    except (ValueError, KeyError, TypeError, OSError):
        return object()


def main() -> int:
    parser = argparse.ArgumentParser(description="Damage a run of numerics and have it judged.")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backends", default=",".join(BACKENDS), help="of the run; jax alone has nothing beside it")
    option = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        wrong = campaign(Path(place), option.count, option.seed, option.backends.split(","))
    for line in wrong:
        print(line)
    print(f"{option.count} damages, {len(wrong)} judged wrongly")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
