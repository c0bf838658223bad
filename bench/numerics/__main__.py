"""`python -m bench.numerics`: computes what the backends installed here can, into one run folder.

A run may be gathered from several environments, the one with JAX first: `--run NAME` in each.
Exit codes: 0, computed; 2, wrong use; 130, interrupted.
"""

import argparse
import contextlib
import ctypes
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from backends.environment import PRECISIONS, environment
from bench import devices, launches
from bench.commandline import INTERRUPTED, USAGE, Parser, Refused, cores, run_name
from bench.machine import ROOT
from bench.numerics.run import DTYPES, INTEGERS, Damaged, Integers, Settings, write_json

RESULTS = Path("results/numerics")
POLL_S = 0.2
LIMIT_S = 300.0
FLOAT = "float"
# The oracle comes first: it draws the inputs and the weights.
ROLES = {"jax": ("float64", "device"), "tensorflow": ("float64", "device"), "torch": ("device",)}
GPU_PROCESSES = 8
"""Each holds half a gigabyte of a GPU before it computes anything."""


def main(arguments: Sequence[str] | None = None) -> int:
    option = _parser().parse_args(arguments)
    try:
        run = Path(option.results).resolve() / run_name(option.run)
        names = [name for name in ROLES if importlib.util.find_spec(name)]
        if not names:
            raise Refused("no backend is installed here; install one with: python -m pip install -e '.[jax]'")
        roles = _roles(names, option.device)
        settings = _settings(option)
        with launches.lock(run, "numerics"):
            _prepare(run, settings, option.cases_of)
            if "jax" not in names and not (run / "cases").exists():
                raise Refused("the oracle is JAX in float64 and comes first: begin the run where JAX is installed")
            for name in names:
                for role in roles[name]:
                    Job(run, name, role, option.limit).finish(_processes(option, role))
    except (Refused, Damaged) as refusal:
        print(f"numerics: {refusal}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"numerics: cannot write results: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"\nnumerics: interrupted; the same command with --run {run.name} goes on", file=sys.stderr)
        return INTERRUPTED
    print(f"numerics: {', '.join(names)} in {run}; judge with: python -m bench.analysis numerics {run}", flush=True)
    return 0


class Job:
    """The workers of one backend and role, each started again after a technique that it does not survive."""

    def __init__(self, run: Path, backend: str, role: str, limit: float):
        self.run = run
        self.backend = backend
        self.role = role
        self.limit = limit
        self.settings = Settings.load(run)
        self.folder = run / f"{backend}-{role if role == 'float64' else self.settings.device}"
        self.since: dict[Path, float] = {}
        """When each technique in flight was first seen; of this process's clock, as the time of a file may jump."""

    def finish(self, processes: int) -> None:
        start = time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self._in_flight():  # of a run that was killed
            path.unlink()
        workers = [self._start(self.folder / f"log-{number}") for number in range(processes)]
        try:
            while workers:
                time.sleep(POLL_S)
                workers = [left for worker in workers if (left := self._tend(worker)) is not None]
        finally:
            for worker in workers:
                worker.stop()
        count = len(list(self.folder.glob("*/*.json")))
        print(f"numerics: {self.folder.name}: {count} results in {time.monotonic() - start:.0f} s", flush=True)

    def _start(self, log: Path) -> "Worker":
        command = [sys.executable, "-m", "bench.numerics.worker", str(self.run), self.role]
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=partial(_die_with, os.getpid()),
            )
        return Worker(process, log)

    def _tend(self, worker: "Worker") -> "Worker | None":
        """Returns the worker while it runs; another one where it died of a technique; nothing once all is done."""
        process = worker.process
        reason = f"the process ended with code {process.poll()}"
        if process.returncode is None:
            if self._is_in_time(self._in_flight(process.pid)):
                return worker
            worker.stop()
            reason = f"took longer than {self.limit:g} s"
        if process.returncode == 0:
            return None
        in_flight = self._in_flight(process.pid)
        if not in_flight:
            raise Refused(f"{self.folder.name}: {worker.last_line()} (all of it: {worker.log})")
        for path in in_flight:
            write_json(path.with_suffix(".json"), {"failures": {"process": reason}})
            path.unlink()
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
                if pid is None or path.read_text() == str(pid):
                    found.append(path)
        return found

    def _environment(self) -> dict[str, str]:
        # JAX and PyTorch take from it what earlier runs compiled; TensorFlow's knows no versions and breaks on damage.
        home = self.run if self.backend == "tensorflow" else self.run.parent
        cache = (home / "cache" / self.folder.name).resolve()
        device = "cpu" if self.role == "float64" else self.settings.device
        variables = environment(
            self.backend, device, threads=self.settings.threads, cache=cache, precision=self.settings.precision
        )
        # Drawing kernels of four axes compiles eight times as fast; other draws of the same distributions.
        variables["JAX_THREEFRY_PARTITIONABLE"] = "false"
        if self.role == "float64":
            # Compiles twice as fast; the results differ by rounding only.
            variables["XLA_FLAGS"] = "--xla_backend_optimization_level=0"
        return {**os.environ, **variables}


@dataclass(frozen=True)
class Worker:
    """A process, and where it writes."""

    process: subprocess.Popen
    log: Path

    def stop(self) -> None:
        """Kills the process, and those that a compiler of it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_line(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].removeprefix("numerics: ") if lines else "the process said nothing"


def _roles(names: Sequence[str], device: str) -> dict[str, tuple[str, ...]]:
    """What each backend computes: it leaves out a GPU that it does not see."""
    lacks = {name: devices.lack_of_gpu(name) for name in names} if device == "gpu" else dict.fromkeys(names, "")
    for lack in dict.fromkeys(filter(None, lacks.values())):
        print(f"numerics: {lack}", file=sys.stderr)
    if all(lacks.values()):
        raise Refused("nothing to compare")
    return {name: tuple(role for role in ROLES[name] if role == "float64" or not lacks[name]) for name in names}


def _processes(option: argparse.Namespace, role: str) -> int:
    count = max(1, cores() // option.threads)
    return min(count, GPU_PROCESSES) if option.device == "gpu" and role == "device" else count


def _die_with(parent: int) -> None:
    """Has this process, which computes nothing yet, killed as soon as its parent has died (Linux)."""
    if sys.platform.startswith("linux"):
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died already
        os._exit(1)


def _prepare(run: Path, wanted: Settings, cases_of: Path | None) -> None:
    """Begins the run, or goes on with it; of one that was killed before it was begun nothing but the lock is there."""
    if (run / "run.json").exists():
        if Settings.load(run) != wanted:
            raise Refused(f"the run {run.name} was begun with other options; use the same, or another --run")
        (run / "run.json").touch()  # it is the newest again
        return
    if cases_of:
        if not (cases_of / "cases").is_dir():
            raise Refused(f"--cases-of must be the folder of a run, not {str(cases_of)!r}")
        shutil.copytree(cases_of / "cases", run / "cases", dirs_exist_ok=True)
    wanted.save(run)


def _settings(option: argparse.Namespace) -> Settings:
    dtypes = tuple(DTYPES if option.dtypes == "all" else option.dtypes.split(","))
    if unknown := sorted(set(dtypes) - set(DTYPES)):
        raise Refused(f"--dtypes must be some of {', '.join(DTYPES)}, or all, not {unknown[0]!r}")
    if option.threads < 1 or option.limit <= 0:
        raise Refused("--threads and --limit must be positive")
    settings = Settings(
        option.device, dtypes, option.precision, option.threads, tuple(filter(None, option.only.split(",")))
    )
    if not option.layer:
        if option.config or option.input_shape or option.input_dtype or option.input_range:
            raise Refused("--config, --input-shape, --input-dtype and --input-range belong to --layer")
        return settings
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


def _integers(dtypes: list[str], ranges: list[str], inputs: int) -> tuple[Integers | None, ...]:
    """What each input of integers holds; one dtype and one range may stand for all of them."""
    if not dtypes and not ranges:
        return ()
    dtypes = dtypes * inputs if len(dtypes) == 1 else dtypes
    if len(dtypes) != inputs or not set(dtypes) <= {FLOAT, *INTEGERS}:
        raise Refused(f"--input-dtype must be {FLOAT}, {', '.join(INTEGERS)}, once or once for each --input-shape")
    count = sum(dtype != FLOAT for dtype in dtypes)
    ranges = ranges * count if len(ranges) == 1 else ranges
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


def _parser() -> Parser:
    parser = Parser(prog="python -m bench.numerics", description="Compute every technique on every backend.")
    parser.add_argument("--run", help="name (default: the time)")
    parser.add_argument("--results", default=RESULTS, help=f"folder of the runs (default: {RESULTS})")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--dtypes", default="float32", help="float32 (default), bfloat16, float16 with commas, or all")
    parser.add_argument("--precision", choices=PRECISIONS, default="ieee", help="of float32 products on a GPU")
    parser.add_argument("--threads", type=int, default=1, help="of each process (default: 1)")
    parser.add_argument("--only", default="", help="names of techniques, with commas (default: the whole catalogue)")
    parser.add_argument("--layer", default="", help="a layer of your own, module:Class, instead of the catalogue")
    parser.add_argument("--config", default="", help="its constructor arguments, as JSON")
    parser.add_argument("--input-shape", action="append", default=[], help="2,8,16; once for each of its inputs")
    parser.add_argument(
        "--input-dtype",
        action="append",
        default=[],
        help=f"{FLOAT} (default), {', '.join(INTEGERS)}; once for each input",
    )
    parser.add_argument(
        "--input-range", action="append", default=[], help="0,100 for 0 to 99; once for each input of integers"
    )
    parser.add_argument("--cases-of", type=Path, help="run folder to take inputs and weights from")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds after which a technique is given up")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
