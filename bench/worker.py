"""One launch: the pytest plugin of a process that measures every case of one pass, once.

It journals each case before it begins and when it ends, so that the supervisor knows what was under way when the
process dies, and nothing finished is lost.
"""

import ctypes
import functools
import gc
import importlib
import math
import shutil
import signal
import sys
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import backends
import dl_techniques
from backends.protocol import Model, Program, Tensor
from bench import gpu, journal, machine, turns
from bench.cells import Cell, cells, select
from bench.measure import Step, clock, measure
from bench.memory import peak_memory
from bench.profiles import PROFILES, settings
from bench.workloads import Workload

CELL = pytest.StashKey[Cell]()
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
LOST_DEVICE = 3
BLOCK = 2**22
"""Elements of an input that are drawn; what is left repeats them, in memory of its own."""


class Worker:
    """What the cases of one launch share."""

    def __init__(self, config: pytest.Config):
        option = config.option
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
        self.native = importlib.import_module(f"backends.native.{self.backend}")
        self.settings = settings(option)
        self.asker = turns.Asker(*map(int, option.turns.split(","))) if option.turns else None
        self.replayed: set[str] = set()
        try:
            self.workloads = select(option.workloads, self.profile)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None

    # What is measured, in which order.

    def cells(self, metric: str) -> list[Cell]:
        skipped = "compile_warm" if self.replicate == 1 else "compile_cold"
        if metric == skipped:
            return []
        return cells(self.workloads, self.profile, self.adapter, self.device, metric)

    def order(self, cell: Cell) -> tuple:
        """Cases of one model follow each other; models in an arbitrary order, whichever others are measured."""
        compiles = cell.metric.startswith("compile")
        group = (zlib.crc32(cell.workload.name.encode()), cell.workload.name, cell.size, cell.dtype)
        step = (cell.mode, not compiles, cell.metric)
        return (not (self.adapter.COMPILES_FIRST and compiles), *group, *step)

    # What a case needs.

    def cache(self, *names: str) -> Path:
        return self.run / "cache" / f"{self.backend}-{self.device}" / "-".join(names)

    @functools.lru_cache(maxsize=1)  # noqa: B019 (one worker lives as long as its process)
    def model(self, workload: Workload, size: str, dtype: str) -> tuple[Model, str, list[Tensor], Tensor]:
        """Returns model, name of the technique, inputs and a cotangent on the device."""
        gc.collect()  # layers are cycles, whose weights would stay on the device for long
        model, technique = workload.build(workload.sizes[size], dtype, self.native)
        generator = np.random.default_rng(0)
        arrange = getattr(model, "layout", lambda tensor: tensor)

        def draw(shape: tuple[int, ...]) -> Tensor:
            """On a GPU the largest inputs would take longer to draw than to measure."""
            count = math.prod(shape)
            block = self.adapter.tensor(generator.standard_normal(min(count, BLOCK), "float32"), dtype)
            return keras.ops.reshape(keras.ops.tile(block, -(-count // BLOCK))[:count], shape)

        inputs = [arrange(draw(shape)) for shape in workload.inputs(workload.sizes[size])]
        output = self.adapter.forward(model, inputs, "eager").run()
        if (ran_on := self.adapter.device_of(output)) != self.device:
            raise RuntimeError(f"the layer ran on the {ran_on}, not on the {self.device}")
        return model, technique, inputs, draw(tuple(output.shape))

    @functools.lru_cache(maxsize=1)  # noqa: B019
    def program(self, workload: Workload, size: str, dtype: str, mode: str, direction: str) -> Program:
        """Returns a step; the last one is kept, so that a case does not compile what the one before it has."""
        self.adapter.use_cache(self.cache(workload.name, size, dtype, mode))
        model, _, inputs, cotangent = self.model(workload, size, dtype)
        if direction == "forward":
            return self.adapter.forward(model, inputs, mode)
        return self.adapter.backward(model, inputs, cotangent, mode)

    def step(self, cell: Cell) -> Step:
        direction = "forward" if cell.metric == "forward" else "backward"
        return Step(self.adapter, self.program(cell.workload, cell.size, cell.dtype, cell.mode, direction))

    # What the benchmarks do.

    def time_step(self, benchmark, cell: Cell) -> None:
        step = self.step(cell)
        benchmark.extra_info.update(self.describe(cell))
        effort = {"seconds": self.settings["seconds"], "launches": self.settings["launches"]}
        benchmark.extra_info.update(measure(benchmark, step, device=self.device, asker=self.asker, **effort))
        if not self.asker:
            benchmark.extra_info["peak_memory_bytes"] = peak_memory(self.adapter, step.program, self.device)
            if cell.workload.family == "attention":
                benchmark.extra_info["attention"] = self.adapter.attention(step.program)

    def time_compilation(self, benchmark, cell: Cell) -> None:
        """Cold means an empty folder of compiled code; warm means that a launch before this one filled it."""
        folder = self.cache(cell.workload.name, cell.size, cell.dtype, cell.mode)
        if cell.metric == "compile_cold":
            shutil.rmtree(folder, ignore_errors=True)
        step = self.step(cell)
        if cell.case in self.replayed:
            step.program.compile()
            return
        clock.rest()
        before = self._compiled_files()
        compilation = benchmark.pedantic(step.program.compile)
        written = self._compiled_files() - before
        if cell.mode == "jit" and (cell.metric == "compile_cold") != bool(written):
            raise RuntimeError(f"{cell.metric} wrote {written} files into the compile cache")
        benchmark.extra_info.update(self.describe(cell))
        benchmark.extra_info.update(
            calls_per_round=1,
            stop="single",
            phases={f"{phase}_s": seconds for phase, seconds in compilation.phases.items()},
            graphs=compilation.graphs,
            graph_breaks=compilation.graph_breaks,
        )

    def _compiled_files(self) -> int:
        return sum(1 for path in self.cache().rglob("*") if path.is_file())

    def prime(self) -> None:
        """Compiles a trivial layer: what a process pays once must not be charged to its first case."""
        self.adapter.use_cache(self.cache("prime"))
        layer = keras.layers.Dense(1)
        layer.build((1, 1))
        one = self.adapter.tensor(np.ones((1, 1), "float32"), "float32")
        self.adapter.backward(layer, [one], one, "jit").compile()

    def describe(self, cell: Cell) -> dict[str, Any]:
        """Returns what identifies a cell, and its analytic operations and bytes."""
        workload = cell.workload
        model, technique, inputs, cotangent = self.model(workload, cell.size, cell.dtype)
        backward = cell.metric != "forward"
        flops = workload.flops(workload.sizes[cell.size]) * (3 if backward else 1) if workload.flops else None
        read = sum(_elements(x) for x in inputs) + sum(_elements(w) for w in _weights(model))
        moved = 3 * read + 2 * _elements(cotangent) if backward else read + _elements(cotangent)
        return {
            "family": workload.family,
            "workload": workload.name,
            "technique": technique,
            "size": cell.size,
            "dtype": cell.dtype,
            "mode": cell.mode,
            "metric": cell.metric,
            "shape": " ".join("x".join(map(str, x.shape)) for x in inputs),
            "native": workload.native,
            "flops": flops,
            "bytes": moved * BYTES[cell.dtype],
        }

    # What is written down.

    def journal(self, event: str, **fields: Any) -> None:
        where = {"backend": self.backend, "device": self.device, "launch": self.launch}
        journal.append(self.run, event, **where, **fields)

    def suite(self) -> dict[str, Any]:
        """Returns what identifies this launch in its files."""
        facts = {
            **machine.facts(),
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

    # Hooks of pytest and pytest-benchmark.

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "cell" in metafunc.fixturenames:
            found = [cell for metric in metafunc.module.METRICS for cell in self.cells(metric)]
            metafunc.parametrize("cell", found, ids=[cell.case for cell in found])

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        for item in items:
            item.stash[CELL] = item.callspec.params["cell"]  # type: ignore[attr-defined]
        items.sort(key=lambda item: self.order(item.stash[CELL]))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        done = journal.finished(journal.read(self.run), self.backend, self.device, self.replicate)
        cases = [item.stash[CELL].case for item in session.items]
        journal.append(self.run, "launch", **self.suite(), cases=cases)
        if self.adapter.COMPILES_FIRST:
            self.replayed = {case for case in done if case.rpartition("/")[2].startswith("compile")}
        session.items[:] = [
            item
            for item in session.items
            if item.stash[CELL].case not in done or item.stash[CELL].case in self.replayed
        ]
        if session.items:
            self.prime()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.asker:
            self.asker.ask(turns.CASE)
        if item.stash[CELL].case not in self.replayed:
            self.journal("start", case=item.stash[CELL].case, limit_s=self.limit_s)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        cell = item.stash[CELL]
        ended = call.when == "call" or (call.when == "setup" and not report.passed)
        if ended and cell.case not in self.replayed:
            status, reason = self._outcome(call)
            benchmark = item.funcargs.get("benchmark")  # type: ignore[attr-defined]
            record = benchmark.stats.as_dict(include_data=True) if status == "ok" else None
            description = benchmark.extra_info if benchmark and benchmark.extra_info else _identity(cell)
            self.journal("end", case=cell.case, status=status, reason=reason, cell=description, benchmark=record)
            if status == "failed" and not self.computes():
                pytest.exit(f"nothing can be computed on the {self.device} any more", returncode=LOST_DEVICE)
        return report

    def computes(self) -> bool:
        """Whether the device still works; after an illegal access a GPU fails whatever its process asks of it."""
        try:
            one = self.adapter.tensor(np.ones(1), "float32")
            self.adapter.wait(one)
            return bool(self.adapter.array(one)[0] == 1)
        except Exception:
            return False

    def _outcome(self, call: pytest.CallInfo) -> tuple[str, str]:
        if call.excinfo is None:
            return "ok", ""
        error = call.excinfo.value
        lines = str(error).strip().splitlines() or [""]
        reason = f"{type(error).__name__}: {lines[0]}"[:500]
        if isinstance(error, pytest.skip.Exception):
            return "unsupported", lines[0]
        return ("out_of_memory" if self.adapter.is_out_of_memory(error) else "failed"), reason

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        output_json["suite"] = self.suite()

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.journal("exit", returncode=int(exitstatus))
        if self.asker:
            self.asker.ask(turns.END)

    @pytest.fixture
    def worker(self) -> "Worker":
        return self


def die_with_the_supervisor() -> None:
    """A launch must not go on measuring when nobody watches it any more (Linux)."""
    if sys.platform.startswith("linux"):
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _identity(cell: Cell) -> dict[str, Any]:
    return {
        "family": cell.workload.family,
        "workload": cell.workload.name,
        "technique": cell.workload.name,
        "size": cell.size,
        "dtype": cell.dtype,
        "mode": cell.mode,
        "metric": cell.metric,
        "native": cell.workload.native,
    }


def _weights(model: Model) -> list[Any]:
    return list(getattr(model, "trainable_weights", None) or getattr(model, "weights", []))


def _elements(tensor: Any) -> float:
    return float(np.prod(tuple(tensor.shape)))
