"""One process of a comparison: `python -m bench.numerics.worker RUN ROLE`, on the backend of KERAS_BACKEND.

In the role "float64" it computes what is right; in the role "device" it computes as users do. What is written already,
or claimed by another process, is not computed again: several may share the work, and go on after a crash.
"""

import contextlib
import inspect
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import backends
from bench.commandline import USAGE, Refused
from bench.numerics.cases import Arrays, draw, rows
from bench.numerics.row import Row
from bench.numerics.run_folder import (
    FLOAT64,
    ORACLE,
    Damaged,
    Settings,
    read_arrays,
    read_object,
    worker_name,
    write_arrays,
    write_json,
)
from bench.numerics.technique import Computation
from bench.run import gpu, machine, surroundings
from bench.run.journal import CANNOT_WRITE


class Worker:
    """What the techniques of one process share."""

    def __init__(self, run: Path, role: str, variables: Mapping[str, str], machine: str | None):
        self.run = run
        self.surroundings = surroundings.told(variables)
        self.machine = machine
        self.settings = Settings.load(run)
        self.backend = keras.backend.backend()
        self.adapter = backends.active()
        self.exact = role == FLOAT64
        self.device = "cpu" if self.exact else self.settings.device
        self.folder = run / worker_name(self.backend, role, self.settings.device)
        self.is_oracle = self.exact and self.backend == "jax"
        if self.exact:
            keras.config.set_floatx("float64")
        if self.is_oracle:
            self.oracle().compute_in_float64()
        if self.device not in self.adapter.devices():
            raise ValueError(f"{self.backend} here has no {self.device}")
        self.adapter.pin_precision("ieee" if self.exact else self.settings.precision)

    def work(self) -> None:
        planned = rows(self.settings)
        facts = {**self.facts(planned), "techniques": [row.name for row in planned]}
        self.refuse_another(facts)
        write_json(self.folder / "facts.json", facts)
        for row in sorted(planned, key=self.cost, reverse=True):
            for dtype in self.settings.dtypes:
                target = self.folder / dtype / f"{row.name}.npz"
                outcome, running = target.with_suffix(".json"), target.with_suffix(".running")
                if outcome.exists() or not _claim(running):
                    continue
                start = time.perf_counter()
                arrays, notes = self.compare(row, dtype)
                write_arrays(target, arrays)
                write_json(outcome, {**notes, "seconds": round(time.perf_counter() - start, 3)})
                running.unlink()

    def refuse_another(self, facts: dict[str, Any]) -> None:
        """What a run holds of one backend and role is computed by one code on one machine."""
        with contextlib.suppress(Damaged):  # and not begun, or mended now
            if changed := machine.unlike(read_object(self.folder / "facts.json"), facts):
                name = self.run.name
                raise Refused(f"this is no longer what the run {name} was begun with: {changed}; begin another")

    def facts(self, planned: Sequence[Row]) -> dict[str, Any]:
        code = sorted(Path(__file__).parent.glob("*.py"))
        code += [Path(inspect.getfile(row.cls)) for row in planned if self.settings.layer]
        return {
            **machine.facts(self.machine, code),
            "surroundings": self.surroundings,
            "backend": self.backend,
            "device": self.device,
            "keras_version": keras.version(),
            "numpy_version": np.__version__,
            **self.adapter.facts(self.device),
            **(gpu.facts() if self.device == "gpu" else {}),
        }

    def compare(self, row: Row, dtype: str) -> tuple[Arrays, dict[str, Any]]:
        """Returns the results of one technique by name, and what else there is to say; a failure is part of that."""
        step = Computation(self, row, dtype)
        for name, compute in step.parts():
            try:
                compute()
            except Exception as error:  # a technique that fails must not cost the others
                lines = str(error).strip().splitlines() or [""]
                step.notes["failures"][name] = f"{type(error).__name__}: {lines[0]}"[:500]
        return step.results, step.notes

    def case(self, row: Row, dtype: str) -> Arrays:
        path = self.run / "cases" / dtype / f"{row.name}.npz"
        if self.is_oracle and not path.exists():
            write_arrays(path, draw(row, dtype))
        if not path.exists():
            raise FileNotFoundError("the oracle drew no inputs and weights for it")
        return read_arrays(path)

    def cost(self, row: Row) -> float:
        """How long the oracle took, if it knows: the longest go first, or one process would end alone."""
        with contextlib.suppress(Damaged):
            seconds = read_object(self.run / ORACLE / self.settings.dtypes[0] / f"{row.name}.json").get("seconds")
            return seconds if isinstance(seconds, float) else 0.0
        return 0.0

    def oracle(self) -> Any:
        """The module, which only a process with JAX can import."""
        from backends import oracle

        return oracle


def _claim(running: Path) -> bool:
    """Whether this process is the first to take a piece of work."""
    running.parent.mkdir(parents=True, exist_ok=True)
    try:
        with running.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    try:
        folder, role, *rest = sys.argv[1:]
        variables, name = [*rest, "{}", ""][:2]
        Worker(Path(folder), role, json.loads(variables), name or None).work()
    except (Refused, ValueError, ImportError, AttributeError) as refusal:
        print(f"numerics: {refusal}", file=sys.stderr)
        sys.exit(USAGE)
    except OSError as error:  # those of a technique are part of its results
        with contextlib.suppress(OSError):
            print(f"numerics: cannot write results: {error}", file=sys.stderr, flush=True)
        os._exit(CANNOT_WRITE)
