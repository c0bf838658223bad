"""A made-up run of many cells, for the tests of the page; and how long a report of 20,000 takes:

python -m tests.bench.analysis.many FOLDER && time python -m bench.analysis report FOLDER/run --out FOLDER/report
"""

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from bench.analysis.tables import schema
from tests.bench.analysis.synthetic import Result, cell, rounds, write_launch

SPEEDS = {"tensorflow": 1.6, "jax": 1.2, "torch": 1.0}
STEPS = [(metric, mode) for metric in schema.RUN_METRICS for mode in ("jit", "eager")]
STEPS += [(metric, "jit") for metric in schema.COMPILE_METRICS]
FAMILIES = ("activations", "attention", "convolution", "embedding", "ffn", "normalization", "regularization", "vision")
SIZES = {"small": 1, "medium": 8, "large": 64}


def cells(families: int, workloads: int, dtypes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for family, number, dtype in product(FAMILIES[:families], range(workloads), dtypes):
        technique = f"{family.title()}Technique{number}"
        names = {"family": family, "technique": technique, "dtype": dtype, "native": f"native_{family}_{number}"}
        sizes = {**SIZES, **({f"tokens={n}": n / 64 for n in (64, 128, 256, 512, 1024)} if number == 0 else {})}
        for (size, factor), (metric, mode) in product(sizes.items(), STEPS):
            work = 2e6 * factor * (1 + number)
            amounts = {"flops": work, "bytes": work / (2 + number), "peak_memory_bytes": int(work)}
            yield cell(f"{family}_{number}", size=size, metric=metric, mode=mode, **names, **amounts)
            if number == 0 and metric in schema.RUN_METRICS:
                native = names | {"technique": f"{technique} (native)", "native": None}
                yield cell(f"native_{family}_{number}", size=size, metric=metric, mode=mode, **native, **amounts)


def results(known: list[dict[str, Any]], speeds: np.ndarray, rng: np.random.Generator) -> Iterator[Result]:
    """How each cell ends in one launch; a few fail and a few are unstable."""
    for name, amount in (("matmul", {"flops": 4e9}), ("copy", {"bytes": 4e8})):
        yield cell(name, family="machine", technique="", metric="forward", **amount), [0.05] * 9
    for one, speed in zip(known, speeds, strict=True):
        compiles = one["metric"] in schema.COMPILE_METRICS
        seconds = speed * (0.5 if compiles else one["flops"] / 1e10 + 2e-5)
        if rng.random() < 0.002:
            yield one, ("out_of_memory", "killed at 3 GiB")
        elif compiles:
            phases = {"trace_s": 0.2 * seconds, "compile_s": 0.6 * seconds}
            yield one | {"phases": phases, "stop": "single"}, [seconds]
        else:
            yield one, rounds(seconds, rng, launch_sd=0.3 if rng.random() < 0.01 else 0.02)


def write(raw: Path, families: int, workloads: int, devices=("cpu",), dtypes=("float32",)) -> Path:
    """Writes three launches of all backends and returns the folder of their run."""
    known = list(cells(families, workloads, dtypes))
    rng = np.random.default_rng(0)
    for device, (backend, speed) in product(devices, SPEEDS.items()):
        speeds = speed * np.exp(rng.normal(0, 0.2, len(known))) / (10 if device == "gpu" else 1)
        for launch in range(3):
            write_launch(raw, results(known, speeds, rng), backend=backend, device=device, launch=launch)
    return raw / "run"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a made-up run of 20,000 cells.")
    parser.add_argument("folder", type=Path)
    write(parser.parse_args().folder, 8, 9, devices=schema.DEVICES, dtypes=("float32", "bfloat16"))


if __name__ == "__main__":
    main()
