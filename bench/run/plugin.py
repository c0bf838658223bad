"""The hooks of pytest and pytest-benchmark by which a launch measures every case of one pass, once.

Each case is journaled before it begins and when it ends, so that the supervisor knows what was under way when the
process dies, and nothing finished is lost.
"""

import contextlib
from typing import Any

import pytest

from bench.run import journal, turns
from bench.run.cells import Cell
from bench.run.programs import identity
from bench.run.worker import Worker, model

CELL = pytest.StashKey[Cell]()
LOST_DEVICE = 3
INTERRUPTED = int(pytest.ExitCode.INTERRUPTED)


class Plugin:
    """Made for one session of pytest; what its cases share is the worker's."""

    def __init__(self, shared: Worker):
        self.shared = shared
        self.ended: set[str] = set()
        self.exitstatus = INTERRUPTED

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "cell" in metafunc.fixturenames:
            found = [cell for metric in metafunc.module.METRICS for cell in self.shared.cells(metric)]
            metafunc.parametrize("cell", found, ids=[cell.case for cell in found])

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """A file without cells has one item whose parameter is none."""
        cells = {item: item.callspec.params["cell"] for item in items}  # type: ignore[attr-defined]
        items[:] = [item for item in items if isinstance(cells[item], Cell)]
        for item in items:
            item.stash[CELL] = cells[item]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Leaves this process its share of what the pass has not measured yet."""
        worker = self.shared
        cells = {item: item.stash[CELL] for item in session.items}
        shares = worker.shares(cells.values())
        session.items.sort(key=lambda item: (shares[model(cells[item])], *worker.order(cells[item])))
        done = journal.finished(journal.read(worker.run), worker.backend, worker.device, worker.replicate)
        worker.append("launch", **worker.suite(), cases=[cells[item].case for item in session.items])
        left = [item for item in session.items if cells[item].case not in done]
        share = shares[model(cells[left[0]])] if left else None
        mine = [item for item in session.items if shares[model(cells[item])] == share]
        if worker.adapter.COMPILES_FIRST:
            cases = {cells[item].case for item in mine}
            worker.replayed = {case for case in done & cases if case.rpartition("/")[2].startswith("compile")}
        session.items[:] = [item for item in mine if cells[item].case not in done - worker.replayed]
        if session.items:
            with contextlib.suppress(Exception):  # the first case that compiles will tell
                worker.programs.prime()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.shared.asker:
            self.shared.asker.ask(turns.CASE)
        if item.stash[CELL].case not in self.shared.replayed:
            self.shared.journal("start", case=item.stash[CELL].case, limit_s=self.shared.limit_s)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        cell = item.stash[CELL]
        ended = call.when == "call" or (call.when == "setup" and not report.passed)
        if ended and cell.case not in self.shared.replayed:
            status, reason = self._outcome(call)
            benchmark = item.funcargs.get("benchmark")  # type: ignore[attr-defined]
            record = benchmark.stats.as_dict(include_data=True) if status == "ok" else None
            description = benchmark.extra_info if benchmark and benchmark.extra_info else identity(cell)
            self.ended.add(item.name)
            self.shared.journal(
                "end", case=cell.case, status=status, reason=reason, cell=description, benchmark=record
            )
            if status == "failed" and not self.shared.programs.computes():
                pytest.exit(f"nothing can be computed on the {self.shared.device} any more", returncode=LOST_DEVICE)
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
        return ("out_of_memory" if self.shared.adapter.is_out_of_memory(error) else "failed"), reason

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """A case that was interrupted has times too, of which nobody knows how many are missing."""
        output_json["suite"] = self.shared.suite()
        output_json["benchmarks"] = [b for b in output_json["benchmarks"] if b["name"] in self.ended]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int):
        result = yield  # pytest-benchmark writes its file
        self.exitstatus = int(exitstatus)
        if self.shared.asker and exitstatus != INTERRUPTED:
            self.shared.asker.ask(turns.END)
        return result

    def pytest_unconfigure(self) -> None:
        """All files are written: what still runs, a layer has left behind."""
        self.shared.journal("exit", returncode=self.exitstatus)

    @pytest.fixture
    def worker(self) -> Worker:
        return self.shared
