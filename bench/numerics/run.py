"""The folder of one comparison: what was asked, the cases, and what each process computed. Standard library and NumPy.

```text
<run>/run.json                          what was asked for
<run>/planned.json                      the workers that were to compute it
<run>/cases/<dtype>/<technique>.npz     inputs, cotangents and weights, rounded to the dtype
<run>/cases/<technique>.json            what the catalogue says of it
<run>/<worker>/<dtype>/<technique>.npz  results; the .json beside it says what failed
<run>/<worker>/facts.json               versions and settings, as read back, and the techniques that it was to compute
<run>/lock                              held by the command that computes
```
"""

import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench import files

SCHEMA = 2
FLOAT64, DEVICE = "float64", "device"
ORACLE = "jax-float64"
WITNESS = "tensorflow-float64"
DEVICES = ("cpu", "gpu")
DTYPES = ("float32", "bfloat16", "float16")
INTEGERS = ("int32", "int64", "uint8")
PRECISIONS = ("ieee", "tf32")
DRAWS = (192, 2)
"""How often a random layer is run, and how many numbers are kept of each output."""

Integers = tuple[str, int, int]
"""Of an input: its dtype, its lowest value, and the first one that is too high."""


class Damaged(ValueError):
    """A file that does not hold what was written; the text is one line that names it."""


@dataclass(frozen=True)
class Settings:
    """What was asked for; all processes of a run share it.

    Args:
        device: "cpu" or "gpu".
        dtypes: those to compare.
        precision: "ieee" or "tf32", of float32 matrix products on a GPU.
        threads: of each process.
        only: names of techniques, or empty for all of the catalogue.
        layer: a layer of the user's own, `module:Class`, instead of the catalogue.
        config: its constructor arguments.
        input_shapes: its inputs, batch included.
        integers: what each input of integers holds, None for the other inputs; empty where there are none.
    """

    device: str = "cpu"
    dtypes: tuple[str, ...] = ("float32",)
    precision: str = "ieee"
    threads: int = 1
    only: tuple[str, ...] = ()
    layer: str = ""
    config: dict[str, Any] | None = None
    input_shapes: tuple[tuple[int, ...], ...] = ()
    integers: tuple[Integers | None, ...] = ()

    def save(self, run: Path) -> None:
        write_json(run / "run.json", {"schema": SCHEMA, **asdict(self)})

    @classmethod
    def load(cls, run: Path) -> "Settings":
        """Raises `Damaged` where the file does not hold settings."""
        path = run / "run.json"
        fields = read_object(path)
        if fields.pop("schema", None) != SCHEMA:
            raise Damaged(f"{path} is damaged, or of another version of the suite: its schema is not {SCHEMA}")
        if fields.keys() != cls.__dataclass_fields__.keys():
            raise Damaged(f"{path} is damaged: the settings are {', '.join(cls.__dataclass_fields__)}")
        for name, is_right in _SETTINGS.items():
            if not is_right(fields[name]):
                raise Damaged(f"{path} is damaged: {name} is {fields[name]!r:.80}")
        for name in ("dtypes", "only"):
            fields[name] = tuple(fields[name])
        fields["input_shapes"] = tuple(map(tuple, fields["input_shapes"]))
        fields["integers"] = tuple(integers and tuple(integers) for integers in fields["integers"])
        return cls(**fields)


def worker_name(backend: str, role: str, device: str) -> str:
    """Returns what the folder of a backend and role is called."""
    return f"{backend}-{FLOAT64 if role == FLOAT64 else device}"


def plan(run: Path, workers: Sequence[str]) -> None:
    """Adds to the workers that must compute the run; raises `Damaged`."""
    known = planned(run) if (run / "planned.json").exists() else []
    write_json(run / "planned.json", {"workers": [*dict.fromkeys([*known, *workers])]})


def planned(run: Path) -> list[str]:
    """Returns the workers that must have computed the run; raises `Damaged`."""
    path = run / "planned.json"
    workers = read_object(path).get("workers")
    if not is_list_of(workers, _is_worker) or not workers:
        raise Damaged(f"{path} is damaged: workers is {workers!r:.80}")
    return workers


def is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_list_of(value: Any, is_right: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(is_right, value))


def _is_worker(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(rf"[a-z]+-({'|'.join((FLOAT64, *DEVICES))})", value) is not None


def _is_integers(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 3 and value[0] in INTEGERS and all(map(is_whole, value[1:]))
    )


_SETTINGS: dict[str, Callable[[Any], bool]] = {
    "device": lambda value: value in DEVICES,
    "dtypes": lambda value: bool(value) and is_list_of(value, lambda dtype: dtype in DTYPES),
    "precision": lambda value: value in PRECISIONS,
    "threads": lambda value: is_whole(value) and value > 0,
    "only": lambda value: is_list_of(value, lambda name: isinstance(name, str)),
    "layer": lambda value: isinstance(value, str),
    "config": lambda value: value is None or isinstance(value, dict),
    "input_shapes": lambda value: is_list_of(value, lambda shape: is_list_of(shape, is_whole)),
    "integers": lambda value: is_list_of(value, _is_integers),
}


def read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object; raises `Damaged`."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from None
    if not isinstance(value, dict):
        raise Damaged(f"{path} is damaged: it is no JSON object")
    return value


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads what `write_arrays` wrote; raises `Damaged`."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:  # or a broken one stays open
            arrays = {name.replace("|", "/"): archive[name] for name in archive.files}
    except Exception as error:  # a broken archive ends in almost any of them
        raise _damaged(path, error) from None
    if any(array.dtype.kind not in "biuf" for array in arrays.values()):
        raise Damaged(f"{path} is damaged: it holds other things than numbers")
    return arrays


def _damaged(path: Path, error: Exception) -> Damaged:
    if isinstance(error, FileNotFoundError):
        return Damaged(f"{path} is missing")
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return Damaged(f"{path} is damaged: {reason:.200}")


def write_json(path: Path, value: Any) -> None:
    files.replace(path, json.dumps(value, indent=1).encode())


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    buffer = io.BytesIO()
    # A slash would make folders inside the archive.
    np.savez_compressed(buffer, **{name.replace("/", "|"): value for name, value in arrays.items()})  # type: ignore[arg-type]
    files.replace(path, buffer.getvalue())
