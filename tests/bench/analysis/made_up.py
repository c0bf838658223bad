"""A made-up history of any length, for the tests; and how long the page of trends takes with it:

python -m tests.bench.analysis.made_up FOLDER --runs 2500 --cells 4000
"""

import argparse
import resource
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.analysis.pages import trend
from bench.analysis.tables import history, schema
from bench.analysis.tables.series import lines
from tests.bench.analysis.synthetic import EPOCH

NOISE = 0.02


def point(median_s: float | np.ndarray, day: float = 0, **changes: Any) -> dict[str, Any]:
    """A row of the history: `commit` and `run` follow from the day, the rest is one cell on one machine."""
    row = {
        "run": f"run-{day:05g}",
        "commit": f"{int(day):08x}" + "0" * 32,
        "modified": False,
        "timestamp": pd.Timestamp(EPOCH + timedelta(days=day)),
        **{"machine": "testbox", "backend": "jax", "device": "cpu"},
        **{"family": "normalization", "workload": "rms_norm", "technique": "RMSNorm"},
        **{"size": "small", "dtype": "float32", "mode": "jit", "metric": "forward", "status": "ok"},
        **dict.fromkeys(("cpu", "device_name"), "Test CPU @ 2 GHz"),
        **{"threads": "2", "precision": "ieee", "python": "3.12.1", "surroundings": ""},
        **{"backend_version": "0.10.2", "keras_version": "3.15.1"},
        **{"median_s": median_s, "ci_low_s": median_s * 0.98, "ci_high_s": median_s * 1.02},
        **{"min_s": median_s * 0.95, "rounds": 30, "launches": 3},
    }
    unknown = changes.keys() - row.keys()
    assert not unknown, unknown
    return row | changes


def table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Rows in the order in which the store gives them."""
    frame = pd.DataFrame(rows, columns=list(history.POINT)).astype({"modified": bool})
    return frame.sort_values([*history.CELL, "timestamp", "run"], ignore_index=True)


def cells() -> Iterator[dict[str, str]]:
    names = (f"workload_{number}" for number in range(10**6))
    sizes, dtypes = ("small", "medium", "large"), ("float32", "bfloat16")
    for number, workload in enumerate(names):
        for size, dtype, mode, metric in product(sizes, dtypes, ("jit", "eager"), schema.METRICS):
            what = {"family": f"family_{number % 8}", "workload": workload, "technique": workload.title()}
            yield what | {"size": size, "dtype": dtype, "mode": mode, "metric": metric}


def write(store: Path, runs: int, count: int, rng: np.random.Generator) -> None:
    """`count` cells of three backends; a tenth of them get 10 % slower at some time, and JAX is upgraded once."""
    of_backend = count // len(schema.BACKENDS)
    known = pd.DataFrame(islice(cells(), of_backend))
    for backend in schema.BACKENDS:
        times = np.exp(rng.uniform(np.log(1e-5), np.log(1e-1), of_backend))
        slower_from = np.where(rng.random(of_backend) < 0.1, rng.integers(0, runs, of_backend), runs)
        for run in range(runs):
            version = "0.11.0" if backend == "jax" and run > runs - 40 else "0.10.2"
            factor = np.exp(rng.normal(0, NOISE, of_backend)) * np.where(run >= slower_from, 1.1, 1.0)
            row = point(times * factor, run, backend=backend, backend_version=version)
            frame = known.assign(**{name: value for name, value in row.items() if name not in known})
            content = history.parquet(pa.Table.from_pandas(frame, history.SCHEMA, preserve_index=False))
            (store / f"run-{run},testbox,{backend},cpu.parquet").write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the page of trends on a made-up history.")
    parser.add_argument("store", type=Path)
    parser.add_argument("--runs", type=int, default=2500)
    parser.add_argument("--cells", type=int, default=4000)
    options = parser.parse_args()
    if not options.store.exists():
        options.store.mkdir(parents=True)
        write(options.store, options.runs, options.cells, np.random.default_rng(0))
    begin = time.perf_counter()
    past = history.newest(options.store, 100)
    read = time.perf_counter()
    found = lines(past.frame)
    searched = time.perf_counter()
    page = trend.render(found, past.problems)
    end = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"read {read - begin:.1f} s, steps {searched - read:.1f} s, page {end - searched:.1f} s and "
        f"{len(page) / 1e6:.1f} MB; {end - begin:.1f} s and {memory:.2f} GB in all"
    )
    Path(f"{options.store}.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
