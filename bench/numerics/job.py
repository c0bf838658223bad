"""The processes of one backend and role, while they compute."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.environment import environment, plain, shielded, surroundings
from bench.commandline import Refused
from bench.numerics.run_folder import FLOAT64, Settings, worker_name, write_json
from bench.run import processes
from bench.run.journal import CANNOT_WRITE, UNWRITABLE
from bench.run.machine import ROOT

POLL_S = 0.2


class Job:
    """The workers of one backend and role, each started again after a technique that it does not survive."""

    def __init__(self, run: Path, backend: str, role: str, limit: float, machine: str | None = None):
        self.run = run
        self.backend = backend
        self.role = role
        self.limit = limit
        self.machine = machine
        self.settings = Settings.load(run)
        self.folder = run / worker_name(backend, role, self.settings.device)
        self.since: dict[Path, float] = {}
        """When each technique in flight was first seen; of this process's clock, as the time of a file may jump."""

    def finish(self, count: int) -> None:
        """Computes what is left, in so many processes; raises `Refused` where one cannot begin."""
        start = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self._in_flight():  # of a run that was killed
            path.unlink()
        workers = [self._start(self.folder / f"log-{number}") for number in range(count)]
        try:
            while workers:
                time.sleep(POLL_S)
                workers = [left for worker in workers if (left := self._tend(worker)) is not None]
        finally:
            for worker in workers:
                processes.kill(worker.process)
        results = len(list(self.folder.glob("*/*.json")))
        print(f"numerics: {self.folder.name}: {results} results in {time.monotonic() - start:.0f} s", flush=True)

    def _start(self, log: Path) -> "_Worker":
        command = [sys.executable, "-m", "bench.numerics.worker", str(self.run), self.role]
        user = {name: value for name, value in os.environ.items() if name not in self._own()}
        command += [json.dumps(surroundings(user)), self.machine or ""]
        with log.open("ab") as output:
            options = {"cwd": ROOT, "env": self._environment(), "stdout": output, "stderr": subprocess.STDOUT}
            return _Worker(processes.start(command, **options), log)

    def _tend(self, worker: "_Worker") -> "_Worker | None":
        """Returns the worker while it runs; another one where it died of a technique; nothing once all is done."""
        code = worker.process.poll()
        if code == 0:
            processes.kill(worker.process)  # what a layer has left behind
            return None
        in_flight = self._in_flight(worker.process.pid)
        reason = f"the process ended with code {code}"
        if code is None:
            if self._is_in_time(in_flight):
                return worker
            reason = f"took longer than {self.limit:g} s"
        processes.kill(worker.process)
        if code == CANNOT_WRITE:
            raise Refused(f"{self.folder.name} cannot write its results: {UNWRITABLE}")
        if not in_flight:
            raise Refused(f"{self.folder.name}: {worker.last_line()} (all of it: {worker.log})")
        for path in in_flight:
            write_json(path.with_suffix(".json"), {"failures": {"process": reason}})
            path.unlink(missing_ok=True)
        print(f"numerics: {self.folder.name}: {', '.join(path.stem for path in in_flight)}: {reason}", flush=True)
        return self._start(worker.log)

    def _is_in_time(self, in_flight: Sequence[Path]) -> bool:
        """Whether nothing of that has been in flight for longer than the limit."""
        now = time.monotonic()
        return all(now - self.since.setdefault(path, now) < self.limit for path in in_flight)

    def _in_flight(self, pid: int | None = None) -> list[Path]:
        """The techniques that a process, or any, is computing."""
        found = []
        for path in self.folder.glob("*/*.running"):
            with contextlib.suppress(FileNotFoundError):  # it was finished just now
                if pid is None or path.read_text("utf-8") == str(pid):
                    found.append(path)
        return found

    def _environment(self) -> dict[str, str]:
        # JAX and PyTorch take from it what earlier runs compiled; TensorFlow's knows no versions and breaks on damage.
        home = self.run if self.backend == "tensorflow" else self.run.parent
        cache = plain((home / "cache" / self.folder.name).resolve())
        device = "cpu" if self.role == FLOAT64 else self.settings.device
        variables = environment(
            self.backend, device, threads=self.settings.threads, cache=cache, precision=self.settings.precision
        )
        return {**shielded(os.environ), **variables, **self._own()}

    def _own(self) -> dict[str, str]:
        """The variables that only numerics sets."""
        # Drawing kernels of four axes compiles eight times as fast; other draws of the same distributions.
        own = {"JAX_THREEFRY_PARTITIONABLE": "false"}
        if self.role == FLOAT64:
            # Compiles twice as fast; the results differ by rounding only.
            own["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
        return own


@dataclass(frozen=True)
class _Worker:
    """A process, and where it writes."""

    process: processes.Process
    log: Path

    def last_line(self) -> str:
        lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1].removeprefix("numerics: ") if lines else "the process said nothing"
