"""Made-up pages of three equally fast backends, for the tests; and how often such pages name one all the same:

python -m tests.bench.analysis.equal_backends --pages 500
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bench.analysis.tables import comparison, schema
from bench.analysis.tables.load import Loaded
from tests.bench.analysis.synthetic import EPOCH

FAMILIES = ("attention", "normalization", "convolution")
STEPS = [(metric, mode) for metric in schema.RUN_METRICS for mode in ("jit", "eager")]


@dataclass(frozen=True)
class Noise:
    """What launches of equal code differ by, on the scale of logarithms.

    Args:
        launch: standard deviation of what all cells of a launch share.
        cell: that of each cell of a launch.
        uneven: standard deviation of the logarithm of `cell` over the cells.
        drift: standard deviation of how far the machine drifts in the time of all launches, steadily and at random.
        skew: whether the noise of cells only ever slows down.
        slow: how much slower the second pace of the machine is.
        slow_launches, slow_cells: the share of launches, and of single cells in a launch, that it hits.
        rarely: the share of the cells that have a second pace at all.
    """

    launch: float = 0.02
    cell: float = 0.02
    uneven: float = 0.5
    drift: float = 0.0
    skew: bool = False
    slow: float = 0.2
    slow_launches: float = 0.0
    slow_cells: float = 0.0
    rarely: float = 1.0


NOISES: Mapping[str, Noise] = {
    "launches and cells": Noise(),
    "drift of 5 %": Noise(drift=0.05),
    "drift of 10 %": Noise(drift=0.1),
    "skewed cells, 5 %": Noise(cell=0.05, skew=True),
    "slow launches": Noise(slow_launches=0.3),
    "slow cells": Noise(slow_cells=0.3),
    "slow cells, one in ten": Noise(slow_cells=0.5, rarely=0.1),
}


def page(
    noise: Noise,
    rng: np.random.Generator,
    *,
    launches: int = 3,
    workloads: int = 6,
    in_turns: bool = True,
    speeds: Mapping[str, float] | None = None,
) -> Loaded:
    """What `load` would return for such a run."""
    backends = list(schema.BACKENDS)
    names = [(family, f"{family}_{i}", *step) for family, i, step in product(FAMILIES, range(workloads), STEPS)]
    shape = (len(backends), launches, len(names))
    cell_sd = noise.cell * np.exp(rng.normal(0, noise.uneven, len(names)))
    draw = rng.exponential(1, shape) - 1 if noise.skew else rng.normal(0, 1, shape)
    logs = draw * cell_sd + rng.normal(0, noise.launch, (*shape[:2], 1))
    logs += noise.slow * (rng.random((*shape[:2], 1)) < noise.slow_launches)
    two_paces = rng.random(len(names)) < noise.rarely
    logs += noise.slow * two_paces * (rng.random(shape) < noise.slow_cells)
    order = _order(len(backends), launches, in_turns)
    logs += _drift(noise.drift, order.size, rng)[order][:, :, None]
    logs += np.log([(speeds or {}).get(backend, 1.0) for backend in backends])[:, None, None]
    return _loaded(backends, names, logs, order)


def _order(backends: int, launches: int, in_turns: bool) -> np.ndarray:
    """When each launch of each backend runs."""
    if not in_turns:
        return np.arange(backends * launches).reshape(backends, launches)
    turns = [range(backends) if number % 2 == 0 else range(backends - 1, -1, -1) for number in range(launches)]
    order = np.empty((backends, launches), int)
    for place, (number, backend) in enumerate((n, b) for n, turn in enumerate(turns) for b in turn):
        order[backend, number] = place
    return order


def _drift(size: float, count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, size) * np.arange(count) / count + np.cumsum(rng.normal(0, size / np.sqrt(count), count))


def _loaded(backends: list[str], names: list[tuple], logs: np.ndarray, order: np.ndarray) -> Loaded:
    where = {"run": "run", "machine": "testbox", "device": "cpu", "size": "medium", "dtype": "float32"}
    cells = pd.DataFrame(names, columns=["family", "workload", "metric", "mode"]).assign(**where)
    cells["technique"] = cells["workload"]
    medians = np.exp(np.median(logs, axis=1))
    frame = pd.concat(
        [cells.assign(backend=backend, median_s=medians[b]) for b, backend in enumerate(backends)], ignore_index=True
    ).assign(status="ok", timestamp=pd.Timestamp(EPOCH), launches=logs.shape[1])
    said = [
        cells.assign(backend=backend, log=logs[b, number], **{"pass": number + 1})
        for b, backend in enumerate(backends)
        for number in range(logs.shape[1])
    ]
    launches = [
        {"run": "run", "backend": backend, "device": "cpu", "pass": number + 1, "facts": {"machine": "testbox"}}
        | {"start": pd.Timestamp(EPOCH) + pd.Timedelta(minutes=int(order[b, number]))}
        for b, backend in enumerate(backends)
        for number in range(logs.shape[1])
    ]
    return Loaded(frame, pd.DataFrame(launches), pd.DataFrame(), pd.concat(said, ignore_index=True), [], [])


def named(loaded: Loaded) -> tuple[int, int]:
    """How many cases and how many families name a fastest backend."""
    return tuple(
        int((answer(loaded)["verdict"] == "fastest").sum()) for answer in (comparison.ratios, comparison.ranking)
    )


def false_names(noise: Noise, pages: int, seed: int, **options: Any) -> tuple[int, int, int]:
    """Of so many pages of equal backends: how many name one for a cell, for a family, and for either."""
    rng = np.random.default_rng(seed)
    with pd.option_context("mode.string_storage", "python"):  # many small tables
        found = np.array([named(page(noise, rng, **options)) for _ in range(pages)]) > 0
    return (*found.sum(axis=0).tolist(), int(found.any(axis=1).sum()))


def main() -> None:
    parser = argparse.ArgumentParser(description="Count the pages of equal backends that name one.")
    parser.add_argument("--pages", type=int, default=500)
    pages = parser.parse_args().pages
    print(
        "| noise | launches | a cell | a family | either | found at 1.2: cells, families |\n|---|---|---|---|---|---|"
    )
    for (name, noise), launches in product(NOISES.items(), (3, 5)):
        told = " | ".join(f"{count / pages:.1%}" for count in false_names(noise, pages, 0, launches=launches))
        rng, faster = np.random.default_rng(1), {"jax": 1 / 1.2}
        found = np.mean([named(page(noise, rng, launches=launches, speeds=faster)) for _ in range(20)], axis=0)
        power = ", ".join(f"{value:.0%}" for value in found / (72, 12))
        print(f"| {name} | {launches} | {told} | {power} |", flush=True)


if __name__ == "__main__":
    main()
