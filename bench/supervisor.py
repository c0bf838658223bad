"""Runs the launches of one backend, one after the other, and watches them. Imports no framework.

A launch that dies or hangs loses the case in flight, which becomes a row with that status; the next launch goes on
with the rest of the pass.
"""

import argparse
import fcntl
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import backends
from backends.environment import PRECISIONS, environment
from bench import journal
from bench.profiles import DEVICES, PROFILES

POLL_S = 0.3
STARTUP_LIMIT_S = 600
USAGE, INTERRUPTED = 2, 130
PYTEST_USAGE_ERROR = 4
BAD = ("failed", "crashed", "timeout", "out_of_memory")


class Refused(Exception):
    """Wrong use; the text is one line that says what is right."""


@dataclass(frozen=True)
class Plan:
    """What this process was asked to measure."""

    backend: str
    devices: tuple[str, ...]
    profile: str
    workloads: str
    launches: int
    threads: int
    precision: str
    limit: float
    keyword: str
    run: Path

    def settings(self) -> dict[str, Any]:
        return {
            "profile": self.profile,
            "workloads": [name for name in self.workloads.split(",") if name],
            "launches": self.launches,
            "threads": self.threads,
            "precision": self.precision,
            "limit": self.limit,
            "keyword": self.keyword,
        }


def main(option: argparse.Namespace, root: Path) -> int:
    """Measures, and returns the exit code: 0 all well, 1 some cases did not end well, 2 wrong use, 130 interrupted."""
    _on_interrupt(signal.default_int_handler)
    try:
        plan = _plan(option)
        if not plan.devices:
            return 0
        lock = _prepare(plan, resume=option.resume)
    except Refused as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return USAGE
    try:
        for device in plan.devices:
            Launches(plan, device, root).measure()
    except Refused as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        _on_interrupt(signal.SIG_IGN)  # a second one must not cost the report
        print(f"\nbench: interrupted; the finished is kept. Go on with: --resume --run {plan.run.name}", flush=True)
        report, history = (str(plan.run.parent.parent / name) for name in ("report", "history"))
        command = [sys.executable, "-m", "bench.analysis", "report", str(plan.run)]
        command += ["--out", report, "--history", history]
        subprocess.run(command, cwd=root, check=False)
        return INTERRUPTED
    finally:
        lock.close()
    return _summarize(plan)


def _on_interrupt(handler) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, handler)


# Before measuring --------------------------------------------------------------------------------------------------


def _plan(option: argparse.Namespace) -> Plan:
    backend = _one_of(backends.NAMES, "KERAS_BACKEND", os.environ.get("KERAS_BACKEND", ""))
    if importlib.util.find_spec(backend) is None:
        command = f"python -m pip install -e '.[{backend},bench]'"
        raise Refused(f"{backend} is not installed here; install it with: {command}")
    profile = PROFILES[_one_of(PROFILES, "--profile", option.profile)]
    _one_of(PRECISIONS, "--precision", option.precision)
    _one_of(DEVICES, "--device", option.device)
    for name in ("launches", "threads", "limit"):
        value = getattr(option, name)
        if value is not None and value < 1:
            raise Refused(f"--{name} must be at least 1, not {value}")
    return Plan(
        backend=backend,
        devices=_devices(backend, option.device),
        profile=option.profile,
        workloads=option.workloads,
        launches=option.launches or profile.launches,
        threads=option.threads or _cores(),
        precision=option.precision,
        limit=option.limit or profile.limit_s,
        keyword=option.keyword,
        run=_run_folder(Path(option.results), option.run, option.resume),
    )


def _one_of(known, name: str, value: str) -> str:
    if value not in known:
        raise Refused(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _devices(backend: str, wanted: str) -> tuple[str, ...]:
    """Returns the devices to measure; says in one line where a GPU is missing."""
    if wanted == "cpu":
        return ("cpu",)
    cpu = ("cpu",) if wanted == "all" else ()
    if not Path("/proc/driver/nvidia").exists():
        print(f"bench: no GPU on this machine; {'measuring the CPU' if cpu else 'nothing to measure'}", flush=True)
        return cpu
    probe = "import backends, json; print(json.dumps(backends.active().devices()))"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True)
    seen = json.loads(result.stdout.splitlines()[-1]) if result.returncode == 0 else []
    if "gpu" not in seen:
        print(f"bench: {backend} here sees no GPU; {'measuring the CPU' if cpu else 'nothing to measure'}", flush=True)
        return cpu
    return (*cpu, "gpu")


def _run_folder(results: Path, name: str | None, resume: bool) -> Path:
    if name and not re.fullmatch(r"[\w.+-]+", name):
        raise Refused(f"--run must be a plain name of letters, digits and . _ + -, not {name!r}")
    if not resume:
        return results / (name or datetime.now().strftime("%Y%m%d-%H%M%S"))
    runs = sorted((path.parent for path in results.glob(f"*/{journal.NAME}")), key=lambda run: run.stat().st_mtime)
    if name:
        runs = [run for run in runs if run.name == name]
    if not runs:
        raise Refused(f"there is no run {name or ''} in {results} to resume".replace("  ", " "))
    return runs[-1]


def _prepare(plan: Plan, *, resume: bool):
    """Makes the run's folder, proves that it can be written, and locks the run against a second supervisor."""
    try:
        plan.run.mkdir(parents=True, exist_ok=True)
        lock = open(plan.run / "lock", "a")  # noqa: SIM115 (held until the end)
        print(f"{plan.backend} {os.getpid()}", file=lock, flush=True)
        os.fsync(lock.fileno())
    except OSError as error:
        raise Refused(f"cannot write results to {plan.run}: {error.strerror}") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Refused(f"the run {plan.run.name} is being measured by another process") from None
    earlier = [e for e in journal.read(plan.run) if e["event"] == "launch" and e["backend"] == plan.backend]
    if earlier and not resume:
        raise Refused(f"the run {plan.run.name} has results of {plan.backend} already; add --resume, or another --run")
    for event in earlier:
        for name, value in plan.settings().items():
            if event["settings"].get(name) != value:
                before = event["settings"].get(name)
                raise Refused(f"the run {plan.run.name} was begun with {name} {before!r}, not {value!r}")
    return lock


# While measuring ---------------------------------------------------------------------------------------------------


class Launches:
    """The launches of one backend on one device."""

    def __init__(self, plan: Plan, device: str, root: Path):
        self.plan = plan
        self.device = device
        self.root = root
        self.mine = (plan.backend, device)
        self.follower = journal.Follower(plan.run)
        self.events: list[dict[str, Any]] = []
        self._refresh()
        self.ended_before = sum(e["event"] == "end" for e in self.events)
        self.began = time.monotonic()

    def measure(self) -> None:
        for replicate in range(1, self.plan.launches + 1):
            while self._unfinished(replicate):
                self._launch(replicate)

    def _refresh(self) -> list[dict[str, Any]]:
        """Takes in what the journal has new about this backend and device, and returns it."""
        new = [e for e in self.follower.read() if (e.get("backend"), e.get("device")) == self.mine]
        self.events += new
        return new

    def _unfinished(self, replicate: int) -> bool:
        """Whether a pass has cases left; before its first launch nobody knows its cases, so it has."""
        planned = [e["cases"] for e in self.events if e["event"] == "launch" and e["pass"] == replicate]
        return not planned or bool(set(planned[-1]) - journal.finished(self.events, *self.mine, replicate))

    def _launch(self, replicate: int) -> None:
        number = 1 + max((e["launch"] for e in self.events if e["event"] == "launch"), default=0)
        stem = self.plan.run / f"{self.plan.backend}-{self.device}-{number}"
        part, log = stem.with_suffix(".json.part"), stem.with_suffix(".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command(number, replicate, part),
                cwd=self.root,
                env={**os.environ, **self._environment()},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = self._watch(process, number, replicate)
            except BaseException:
                _stop(process)
                raise
            finally:
                if part.exists():
                    part.rename(stem.with_suffix(".json"))
        self._refresh()
        self._judge(code, number, log)

    def _command(self, number: int, replicate: int, part: Path) -> list[str]:
        plan = self.plan
        command = [sys.executable, "-m", "pytest", "bench", "-q", "-p", "no:cacheprovider"]
        command += ["-o", "filterwarnings=default"]
        command += ["--benchmark-timer=bench.measure.clock", "--benchmark-disable-gc", f"--benchmark-json={part}"]
        command += [f"--launch={number}", f"--replicate={replicate}", f"--device={self.device}"]
        command += [f"--results={plan.run.parent}", f"--run={plan.run.name}", f"--profile={plan.profile}"]
        command += [f"--workloads={plan.workloads}", f"--launches={plan.launches}", f"--threads={plan.threads}"]
        command += [f"--precision={plan.precision}", f"--limit={plan.limit:g}"]
        return command + (["-k", plan.keyword] if plan.keyword else [])

    def _environment(self) -> dict[str, str]:
        plan = self.plan
        cache = plan.run.resolve() / "cache" / f"{plan.backend}-{self.device}"
        return environment(plan.backend, self.device, threads=plan.threads, cache=cache, precision=plan.precision)

    def _watch(self, process: subprocess.Popen, number: int, replicate: int) -> int:
        """Sleeps until the launch ends; shows what it finished; kills it where a case outlasts its limit."""
        deadline, case = time.monotonic() + STARTUP_LIMIT_S, None
        while True:
            try:
                code = process.wait(POLL_S)
            except subprocess.TimeoutExpired:
                code = None
            for event in self._refresh():
                if event["event"] == "start":
                    deadline, case = time.monotonic() + self.plan.limit, event["case"]
                elif event["event"] == "end":
                    deadline, case = time.monotonic() + STARTUP_LIMIT_S, None
                    print(f"{self._progress(event, replicate)}  {self._time_left(replicate)}", flush=True)
            if code is not None:
                return code
            if time.monotonic() > deadline:
                _stop(process)
                self._refresh()
                self._end(number, case, "timeout", f"took longer than {self.plan.limit:g} s")
                return 0

    def _progress(self, event: dict[str, Any], replicate: int) -> str:
        place = f"{self.plan.backend} {self.device} {replicate}/{self.plan.launches}"
        head = f"{place}  {event['case'].replace('/', ' '):64}"
        if event["status"] != "ok":
            return f"{head} {event['status']}: {event['reason']}"
        return f"{head} {_duration(event['benchmark']['stats']['median']):>9}"

    def _time_left(self, replicate: int) -> str:
        cases = next(e["cases"] for e in reversed(self.events) if e["event"] == "launch")
        done = journal.finished(self.events, *self.mine, replicate)
        left = len(set(cases) - done) + (self.plan.launches - replicate) * len(cases)
        ended = sum(e["event"] == "end" for e in self.events) - self.ended_before
        seconds = (time.monotonic() - self.began) / max(1, ended) * left
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _judge(self, code: int, number: int, log: Path) -> None:
        """Notes what a dead launch left behind, and refuses to go on where launching again cannot help."""
        events = [e for e in self.events if e.get("launch") == number]
        if code == PYTEST_USAGE_ERROR:
            raise Refused(_last_line(log, "ERROR: ") or f"a launch was refused; see {log}")
        started = [e["case"] for e in events if e["event"] == "start"]
        ended = {e["case"] for e in events if e["event"] == "end"}
        in_flight = next((case for case in started if case not in ended), None)
        if in_flight:
            reason = f"the process ended with {_signal_name(code)}" if code < 0 else f"the process exited with {code}"
            self._end(number, in_flight, "crashed", f"{reason}; see {log.name}")
        elif not ended and code not in (0, 5):
            cause = _last_line(log, "INTERNALERROR> ") or f"exit code {code}"
            raise Refused(f"a launch ended before its first case: {cause}; see {log}")

    def _end(self, number: int, case: str | None, status: str, reason: str) -> None:
        """Ends a case in the stead of the process that died of it."""
        if case is None:
            raise Refused(f"launch {number} of {self.plan.backend} hung between two cases")
        cell = dict(zip(("workload", "size", "dtype", "mode", "metric"), case.split("/"), strict=True))
        cell |= {"technique": cell["workload"], "family": ""}
        fields = {"status": status, "reason": reason, "cell": cell, "benchmark": None}
        journal.append(
            self.plan.run, "end", backend=self.plan.backend, device=self.device, launch=number, case=case, **fields
        )
        self._refresh()
        print(f"{self.plan.backend} {self.device}  {case}  {status}: {reason}", flush=True)


def _stop(process: subprocess.Popen) -> None:
    """Asks a launch to finish its files, then makes it."""
    for sign, patience in ((signal.SIGINT, 15), (signal.SIGKILL, 15)):
        try:
            os.killpg(process.pid, sign)
            process.wait(patience)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _duration(seconds: float) -> str:
    scales: list[tuple[float, str]] = [(1, "s"), (1e-3, "ms"), (1e-6, "µs")]
    scale, unit = next(((scale, unit) for scale, unit in scales if seconds >= scale), (1e-6, "µs"))
    return f"{seconds / scale:.3g} {unit}"


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _last_line(log: Path, prefix: str) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line.removeprefix(prefix) for line in reversed(lines) if line.startswith(prefix) and line), "")


# After measuring ---------------------------------------------------------------------------------------------------


def _summarize(plan: Plan) -> int:
    ends = [e for e in journal.read(plan.run) if e["event"] == "end" and e["backend"] == plan.backend]
    counts = Counter(e["status"] for e in ends)
    told = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    print(f"bench: {plan.backend}: {told} in {plan.run}", flush=True)
    for event in ends:
        if event["status"] != "ok":
            print(f"  {event['case']}: {event['status']}: {event['reason']}", flush=True)
    return 1 if any(counts[status] for status in BAD) else 0
