"""One launch: the pytest plugin of a process that measures every case of one pass, once.

It journals each case before it begins and when it ends, so that the supervisor knows what was under way when the
process dies, and nothing finished is lost.
"""

import contextlib
import importlib
import os
import sys
import zlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import backends
import dl_techniques
from backends.environment import plain
from bench import gpu, journal, machine, surroundings, turns
from bench.cells import Cell, cells, select
from bench.measure import clock, measure
from bench.memory import peak_memory
from bench.profiles import PROFILES, settings
from bench.programs import Programs, identity

CELL = pytest.StashKey[Cell]()
LOST_DEVICE = 3


class Worker:
    """What the cases of one launch share."""

    INTERRUPTED = int(pytest.ExitCode.INTERRUPTED)

    def __init__(self, config: pytest.Config, variables: dict[str, str]):
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
        native = importlib.import_module(f"backends.native.{self.backend}")
        cache = plain(self.run.resolve() / "cache" / f"{self.backend}-{self.device}")
        self.programs = Programs(self.adapter, native, self.device, cache)
        self.settings = settings(option)
        self.ended: set[str] = set()
        self.exitstatus = self.INTERRUPTED
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

    def shares(self, items: list[pytest.Item]) -> dict[tuple, int]:
        """Which of the processes of a pass measures each model: models in an arbitrary order, whichever others are
        measured."""
        models = sorted({_model(item.stash[CELL]) for item in items})
        share = len(models) if self.asker else journal.MODELS
        return {model: place // share for place, model in enumerate(models)}

    def order(self, cell: Cell) -> tuple:
        """Cases of one model follow each other, what is compiled before what is timed."""
        compiles = cell.metric.startswith("compile")
        step = (cell.mode, not compiles, cell.metric)
        return (not (self.adapter.COMPILES_FIRST and compiles), *_model(cell), *step)

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

    # Hooks of pytest and pytest-benchmark.

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "cell" in metafunc.fixturenames:
            found = [cell for metric in metafunc.module.METRICS for cell in self.cells(metric)]
            metafunc.parametrize("cell", found, ids=[cell.case for cell in found])

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """A file without cells has one item whose parameter is none."""
        cells = {item: item.callspec.params["cell"] for item in items}  # type: ignore[attr-defined]
        items[:] = [item for item in items if isinstance(cells[item], Cell)]
        for item in items:
            item.stash[CELL] = cells[item]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        shares = self.shares(session.items)
        session.items.sort(key=lambda item: (shares[_model(item.stash[CELL])], *self.order(item.stash[CELL])))
        done = journal.finished(journal.read(self.run), self.backend, self.device, self.replicate)
        self.append("launch", **self.suite(), cases=[item.stash[CELL].case for item in session.items])
        left = [item for item in session.items if item.stash[CELL].case not in done]
        share = shares[_model(left[0].stash[CELL])] if left else None
        mine = [item for item in session.items if shares[_model(item.stash[CELL])] == share]
        if self.adapter.COMPILES_FIRST:
            cases = {item.stash[CELL].case for item in mine}
            self.replayed = {case for case in done & cases if case.rpartition("/")[2].startswith("compile")}
        session.items[:] = [
            item for item in mine if item.stash[CELL].case not in done or item.stash[CELL].case in self.replayed
        ]
        if session.items:
            with contextlib.suppress(Exception):  # the first case that compiles will tell
                self.programs.prime()

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
            description = benchmark.extra_info if benchmark and benchmark.extra_info else identity(cell)
            self.ended.add(item.name)
            self.journal("end", case=cell.case, status=status, reason=reason, cell=description, benchmark=record)
            if status == "failed" and not self.programs.computes():
                pytest.exit(f"nothing can be computed on the {self.device} any more", returncode=LOST_DEVICE)
        return report

    def _outcome(self, call: pytest.CallInfo) -> tuple[str, str]:
        if call.excinfo is None:
            return "ok", ""
        error = call.excinfo.value
        lines = str(error).strip().splitlines() or [""]
        called = lines[lines.index("Output:") + 1 :][:1] if "Output:" in lines else []  # a compiler's own words
        reason = ": ".join((type(error).__name__, lines[0], *called))[:500]
        if isinstance(error, pytest.skip.Exception):
            return "unsupported", lines[0]
        return ("out_of_memory" if self.adapter.is_out_of_memory(error) else "failed"), reason

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """A case that was interrupted has times too, of which nobody knows how many are missing."""
        output_json["suite"] = self.suite()
        output_json["benchmarks"] = [b for b in output_json["benchmarks"] if b["name"] in self.ended]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int):
        result = yield  # pytest-benchmark writes its file
        self.exitstatus = int(exitstatus)
        if self.asker and exitstatus != self.INTERRUPTED:
            self.asker.ask(turns.END)
        return result

    def pytest_unconfigure(self) -> None:
        """All files are written: what still runs, a layer has left behind."""
        self.journal("exit", returncode=self.exitstatus)

    @pytest.fixture
    def worker(self) -> "Worker":
        return self


def _model(cell: Cell) -> tuple:
    name = cell.workload.name
    return zlib.crc32(name.encode()), name, cell.size, cell.dtype
