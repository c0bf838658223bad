"""What `python -m bench.numerics` is told."""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.commandline import Parser, Refused
from bench.numerics.run_folder import DEVICES, DTYPES, INTEGERS, PRECISIONS, Integers, Settings

RESULTS = Path("results/numerics")
LIMIT_S = 300.0
FLOAT = "float"


def parser() -> Parser:
    parser = Parser(prog="python -m bench.numerics", description="Compute every technique on every backend.")
    parser.add_argument("--run", help="name (default: the time)")
    parser.add_argument("--results", default=RESULTS, help=f"folder of the runs (default: {RESULTS})")
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument("--dtypes", default="float32", help="float32 (default), bfloat16, float16 with commas, or all")
    parser.add_argument("--precision", choices=PRECISIONS, default="ieee", help="of float32 products on a GPU")
    parser.add_argument("--threads", type=int, default=1, help="of each process (default: 1)")
    parser.add_argument("--only", default="", help="names of techniques, with commas (default: the whole catalogue)")
    parser.add_argument("--layer", default="", help="a layer of your own, module:Class, instead of the catalogue")
    parser.add_argument("--config", default="", help="its constructor arguments, as JSON")
    parser.add_argument("--input-shape", action="append", default=[], help="2,8,16; once for each of its inputs")
    dtypes = f"{FLOAT} (default), {', '.join(INTEGERS)}; once, or once for each input"
    parser.add_argument("--input-dtype", action="append", default=[], help=dtypes)
    ranges = "0,100 for 0 to 99; once, or once for each input of integers"
    parser.add_argument("--input-range", action="append", default=[], help=ranges)
    parser.add_argument("--machine", help="what to call this machine (default: processor, cores, memory, accelerator)")
    parser.add_argument("--cases-of", type=Path, help="run folder to take inputs and weights from")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds after which a technique is given up")
    return parser


def settings(option: argparse.Namespace) -> Settings:
    """Returns what all processes of the run share; raises `Refused`."""
    dtypes = tuple(DTYPES if option.dtypes == "all" else option.dtypes.split(","))
    if unknown := sorted(set(dtypes) - set(DTYPES)):
        raise Refused(f"--dtypes must be some of {', '.join(DTYPES)}, or all, not {unknown[0]!r}")
    if option.threads < 1 or option.limit <= 0:
        raise Refused("--threads and --limit must be positive")
    only = tuple(filter(None, option.only.split(",")))
    settings = Settings(option.device, dtypes, option.precision, option.threads, only)
    if option.layer:
        return _with_layer(settings, option)
    if option.config or option.input_shape or option.input_dtype or option.input_range:
        raise Refused("--config, --input-shape, --input-dtype and --input-range belong to --layer")
    return settings


def _with_layer(settings: Settings, option: argparse.Namespace) -> Settings:
    if not re.fullmatch(r"[\w.]+:\w+", option.layer):
        raise Refused(f"--layer must be module:Class, not {option.layer!r}")
    try:
        config = json.loads(option.config or "{}")
        shapes = tuple(tuple(int(size) for size in shape.split(",")) for shape in option.input_shape)
    except ValueError as error:
        raise Refused(f"--config must be JSON and --input-shape integers with commas: {error}") from None
    if not isinstance(config, dict) or not shapes or min(min(shape) for shape in shapes) < 1:
        raise Refused("--layer needs a JSON object as --config, and an --input-shape of positive integers")
    integers = _integers(option.input_dtype, option.input_range, len(shapes))
    return replace(settings, layer=option.layer, config=config, input_shapes=shapes, integers=integers)


def _integers(dtypes: Sequence[str], ranges: Sequence[str], inputs: int) -> tuple[Integers | None, ...]:
    """What each input of integers holds; one dtype and one range may stand for all of them."""
    dtypes = [*(dtypes or [FLOAT])] * (inputs if len(dtypes) < 2 else 1)
    if len(dtypes) != inputs or not set(dtypes) <= {FLOAT, *INTEGERS}:
        raise Refused(f"--input-dtype must be {FLOAT}, {', '.join(INTEGERS)}, once or once for each --input-shape")
    count = sum(dtype != FLOAT for dtype in dtypes)
    ranges = [*ranges] * (count if len(ranges) == 1 and count else 1)
    if len(ranges) != count:
        raise Refused("--input-range must be given once, or once for each --input-dtype that is not float")
    remaining = iter(ranges)
    return tuple(None if dtype == FLOAT else (dtype, *_range(next(remaining), dtype)) for dtype in dtypes)


def _range(text: str, dtype: str) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    match = re.fullmatch(r"(-?\d+),(-?\d+)", text)
    low, high = map(int, match.groups()) if match else (0, 0)
    if not limits.min <= low < high <= limits.max + 1:
        raise Refused(f"--input-range must be LOW,HIGH, the lowest {dtype} and the first too high, not {text!r}")
    return low, high
