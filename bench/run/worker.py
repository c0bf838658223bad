"""One launch: what its process measures, in which order, and what is written down of it."""

import contextlib
import importlib
import os
import sys
import zlib
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import backends
import dl_techniques
from backends.environment import plain
from bench.run import gpu, journal, machine, surroundings, turns
from bench.run.cells import Cell, cells, select
from bench.run.measure import clock, measure
from bench.run.memory import peak_memory
from bench.run.profiles import PROFILES, settings
from bench.run.programs import Programs


class Worker:
    """What the cases of one launch share."""

    def __init__(self, option: Namespace, variables: dict[str, str]):
        self.run = Path(option.results) / option.run
        self.launch, self.replicate = option.launch, option.replicate
        self.device = option.device
        self.profile = PROFILES[option.profile]
        self.limit_s = option.limit
        self.backend = keras.backend.backend()
        library = Path(dl_techniques.__file__).resolve().parents[1]
        if library != machine.ROOT:
            raise pytest.UsageError(f"dl_techniques was imported from {library}, not from {machine.ROOT}")
        self.adapter = backends.active()
        if self.device not in self.adapter.devices():
            raise pytest.UsageError(f"{self.backend} here has no {self.device}")
        self.adapter.pin_precision(option.precision)
        keras.config.disable_traceback_filtering()  # so that a failure's reason is its own text
        native = importlib.import_module(f"backends.native.{self.backend}")
        cache = plain(self.run.resolve() / "cache" / f"{self.backend}-{self.device}")
        self.programs = Programs(self.adapter, native, self.device, cache)
        self.settings = settings(option)
        self.asker = turns.Asker(*map(int, option.turns.split(","))) if option.turns else None
        self.replayed: set[str] = set()
        try:
            self.workloads = select(option.workloads, self.profile)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        self.facts = machine.facts(option.machine, [Path(name) for name in option.workloads if name.endswith(".py")])
        self.facts["surroundings"] = surroundings.told(variables)

    # What is measured, in which order.

    def cells(self, metric: str) -> list[Cell]:
        skipped = "compile_warm" if self.replicate == 1 else "compile_cold"
        if metric == skipped:
            return []
        return cells(self.workloads, self.profile, self.adapter, self.device, metric)

    def shares(self, cells: Iterable[Cell]) -> dict[tuple, int]:
        """Which of the processes of a pass measures each model: models in an arbitrary order, whichever others are
        measured."""
        models = sorted({model(cell) for cell in cells})
        share = len(models) if self.asker else journal.MODELS
        return {name: place // share for place, name in enumerate(models)}

    def order(self, cell: Cell) -> tuple:
        """Cases of one model follow each other, what is compiled before what is timed."""
        compiles = cell.metric.startswith("compile")
        step = (cell.mode, not compiles, cell.metric)
        return (not (self.adapter.COMPILES_FIRST and compiles), *model(cell), *step)

    # What the benchmarks do.

    def time_step(self, benchmark, cell: Cell) -> None:
        step = self.programs.step(cell)
        benchmark.extra_info.update(self.programs.describe(cell))
        effort = {"seconds": self.settings["seconds"], "launches": self.settings["launches"]}
        benchmark.extra_info.update(measure(benchmark, step, device=self.device, asker=self.asker, **effort))
        if not self.asker:
            benchmark.extra_info["peak_memory_bytes"] = peak_memory(self.adapter, step.program, self.device)
            if cell.workload.family == "attention":
                benchmark.extra_info["attention"] = self.adapter.attention(step.program)

    def time_compilation(self, benchmark, cell: Cell) -> None:
        """Cold means an empty folder of compiled code; warm means that a launch before this one filled it."""
        self.programs.prepare(cell)
        if cell.case in self.replayed:
            self.programs.compile(cell)
            return
        clock.rest()
        before = self.programs.compiled_files()
        compilation = benchmark.pedantic(self.programs.compile, args=(cell,))
        written = self.programs.compiled_files() - before
        if cell.mode == "jit" and (cell.metric == "compile_cold") != bool(written):
            raise RuntimeError(f"{cell.metric} wrote {written} files into the compile cache")
        benchmark.extra_info.update(self.programs.describe(cell))
        benchmark.extra_info.update(
            calls_per_round=1,
            stop="single",
            phases={f"{phase}_s": seconds for phase, seconds in compilation.phases.items()},
            graphs=compilation.graphs,
            graph_breaks=compilation.graph_breaks,
        )

    # What is written down.

    def journal(self, event: str, **fields: Any) -> None:
        self.append(event, backend=self.backend, device=self.device, launch=self.launch, **fields)

    def append(self, event: str, **fields: Any) -> None:
        """What cannot be written down need not be measured."""
        try:
            journal.append(self.run, event, **fields)
        except journal.Unwritable as error:
            with contextlib.suppress(OSError):
                print(error, file=sys.stderr, flush=True)
            os._exit(journal.CANNOT_WRITE)

    def suite(self) -> dict[str, Any]:
        """Returns what identifies this launch in its files."""
        facts = {
            **self.facts,
            "keras_version": keras.version(),
            "numpy_version": np.__version__,
            "threads": self.settings["threads"],
            "precision": self.settings["precision"],
            **self.adapter.facts(self.device),
            **(gpu.facts() if self.device == "gpu" else {}),
        }
        return {
            "schema": journal.SCHEMA,
            "run": self.run.name,
            "backend": self.backend,
            "device": self.device,
            "launch": self.launch,
            "pass": self.replicate,
            "settings": self.settings,
            "facts": facts,
        }


def model(cell: Cell) -> tuple:
    name = cell.workload.name
    return zlib.crc32(name.encode()), name, cell.size, cell.dtype
