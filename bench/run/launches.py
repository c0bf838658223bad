"""Launches: processes that measure a list of cases once, watched from outside. Imports no framework.

A launch that dies or hangs loses the case in flight, which becomes a row with that status; the next launch goes on
with the rest of the pass.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.environment import environment, plain, shielded
from bench.commandline import Refused
from bench.run import journal, machine, processes
from bench.run.processes import STOP_LIMIT_S
from bench.run.time_left import Clock

POLL_S = 0.3
STARTUP_LIMIT_S = 600
PYTEST_USAGE_ERROR, PYTEST_NOTHING_COLLECTED = 4, 5


@dataclass(frozen=True)
class Plan:
    """What the launches of one backend measure, and the folder of their results.

    Args:
        backend: "tensorflow", "jax" or "torch".
        profile: a name in `PROFILES`.
        workloads: names or Python files, or empty for those of the profile.
        launches: how many there will be in all; each measures every case once.
        seconds: time to spend on the rounds of one case.
        threads: threads of the backend.
        precision: "ieee" or "tf32".
        limit: seconds after which a case is given up.
        keyword: pytest's -k expression, or empty.
        run: folder of the results.
        root: the checkout whose suite measures its own library.
        python: the interpreter that has the backend.
        machine: what to call this machine, or None for what it is.
        targets: what pytest is asked to run.
        variables: environment variables beyond those of the backend.
    """

    backend: str
    profile: str
    workloads: list[str]
    launches: int
    seconds: float
    threads: int
    precision: str
    limit: float
    keyword: str
    run: Path
    root: Path
    python: str = sys.executable
    machine: str | None = None
    targets: tuple[str, ...] = ("bench",)
    variables: tuple[tuple[str, str], ...] = ()


class Launch:
    """One process. It writes pytest-benchmark's JSON once it ends, and the journal on the way."""

    def __init__(self, plan: Plan, device: str, number: int, replicate: int, *, turns: tuple[int, int] | None = None):
        stem = plan.run / f"{plan.backend}-{device}-{number}"
        self.log = stem.with_suffix(".log")
        self._part, self._json = stem.with_suffix(".json.part"), stem.with_suffix(".json")
        command = [plan.python, "-m", "pytest", *plan.targets, "-q", "-p", "no:cacheprovider"]
        command += ["-o", "filterwarnings=default", "--color=no"]
        command += ["--benchmark-timer=bench.run.measure.clock", "--benchmark-disable-gc"]
        command += [f"--benchmark-json={self._part}"]
        command += [f"--launch={number}", f"--replicate={replicate}", f"--device={device}"]
        command += [f"--results={plan.run.parent}", f"--run={plan.run.name}", f"--profile={plan.profile}"]
        command += [f"--workloads={','.join(plan.workloads)}", f"--launches={plan.launches}"]
        command += [f"--seconds={plan.seconds:g}", f"--limit={plan.limit:g}", f"--threads={plan.threads}"]
        command += [f"--precision={plan.precision}", *(["-k", plan.keyword] if plan.keyword else [])]
        command += [f"--machine={plan.machine}"] if plan.machine else []
        command += [f"--turns={turns[0]},{turns[1]}"] if turns else []
        cache = plain(plan.run.resolve() / "cache" / f"{plan.backend}-{device}")
        own = environment(plan.backend, device, threads=plan.threads, cache=cache, precision=plan.precision)
        who = {"backend": plan.backend, "device": device, "launch": number}
        journal.append(plan.run, "spawn", **who, **{"pass": replicate})
        with self.log.open("wb") as output:
            self.process = processes.start(
                command,
                cwd=plan.root,
                env={**shielded(os.environ), **own, **dict(plan.variables)},
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=turns or (),
            )

    def wait(self, seconds: float) -> int | None:
        """Returns the exit code, or None if the process still runs."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Asks the process to finish its files, then makes it."""
        processes.stop(self.process)

    def kill(self) -> None:
        processes.kill(self.process)

    def keep_json(self) -> None:
        if self._part.exists():
            self._part.rename(self._json)

    def refusal(self) -> str:
        """Why the process would not begin, in its own words."""
        return self._last_line("ERROR: ") or f"a launch was refused; see {self.log}"

    def cause_of_death(self, code: int) -> str:
        if code < 0:
            return f"the process ended with {_signal_name(code)}; see {self.log.name}"
        return f"the process exited with {code}; see {self.log.name}"

    def internal_error(self) -> str:
        return self._last_line("INTERNALERROR> ")

    def _last_line(self, prefix: str) -> str:
        lines = [line.strip() for line in self.log.read_text("utf-8", "replace").splitlines()]
        return next((line.removeprefix(prefix) for line in reversed(lines) if line.startswith(prefix)), "")


class Passes:
    """The launches of one backend on one device; a pass takes as many of them as its cases kill, plus one."""

    def __init__(self, plan: Plan, device: str, clock: Clock | None = None):
        self.plan = plan
        self.device = device
        self.mine = (plan.backend, device)
        self.follower = journal.Follower(plan.run)
        self.events: list[dict[str, Any]] = []
        self.clock = clock or Clock(plan.launches)
        self.clock.join(self.mine)
        self._refresh(live=False)
        self._keep_files()

    def measure(self, passes: int | None = None) -> None:
        """Measures what is left of the first so many passes, or of all."""
        for replicate in range(1, (passes or self.plan.launches) + 1):
            self.measure_pass(replicate)

    def measure_pass(self, replicate: int) -> None:
        """Measures what is left of one pass."""
        while self._unfinished(replicate):
            self._launch(replicate)

    def leave(self) -> None:
        """Takes these passes out of what is left to do."""
        self.clock.targets.remove(self.mine)

    def _keep_files(self) -> None:
        """Those of launches that ended, where the supervisor was killed before it had put them in their place."""
        for event in self.events:
            part = self.plan.run / f"{self.plan.backend}-{self.device}-{event.get('launch')}.json.part"
            if event["event"] == "exit" and part.exists():
                part.rename(part.with_suffix(""))

    def _refresh(self, *, live: bool = True) -> list[dict[str, Any]]:
        """Takes in what the journal has new about this backend and device, and returns it."""
        new = [e for e in self.follower.read() if (e.get("backend"), e.get("device")) == self.mine]
        self.events += new
        for event in new:
            self.clock.note(event, live=live)
        return new

    def _unfinished(self, replicate: int) -> bool:
        """Whether a pass has cases left; before its first launch nobody knows its cases, so it has."""
        planned = [e["cases"] for e in self.events if e["event"] == "launch" and e["pass"] == replicate]
        return not planned or bool(set(planned[-1]) - journal.finished(self.events, *self.mine, replicate))

    def _launch(self, replicate: int) -> None:
        number = 1 + max((e["launch"] for e in self.events if e["event"] == "launch"), default=0)
        launch = Launch(self.plan, self.device, number, replicate)
        try:
            code = self._watch(launch, number, replicate)
        except BaseException:
            launch.stop()
            raise
        finally:
            launch.keep_json()
        self._refresh()
        self._judge(code, number, launch)

    def _watch(self, launch: Launch, number: int, replicate: int) -> int:
        """Sleeps until the launch ends; shows what it finished; stops it where a case outlasts its limit."""
        deadline, case = time.monotonic() + STARTUP_LIMIT_S, None
        while True:
            code = launch.wait(POLL_S)
            for event in self._refresh():
                if event["event"] == "launch":
                    self._refuse_another(event)
                elif event["event"] == "start":
                    deadline, case = time.monotonic() + self.plan.limit, event["case"]
                elif event["event"] == "end":
                    deadline, case = time.monotonic() + STARTUP_LIMIT_S, None
                    print(f"{self._progress(event, replicate)}  {self.clock.told()}", flush=True)
                elif event["event"] == "exit" and code is None:  # unless a layer has left something running
                    code = launch.wait(STOP_LIMIT_S) or event["returncode"]
            if code is not None:
                launch.kill()
                return code
            if time.monotonic() > deadline:
                launch.stop()
                self._refresh()
                self._end(number, case, "timeout", f"took longer than {self.plan.limit:g} s")
                return 0

    def _refuse_another(self, launch: dict[str, Any]) -> None:
        """The launches of a run are replicates, or they would be left out when they are read."""
        first = next(e for e in self.events if e["event"] == "launch")
        if changed := machine.unlike(first["facts"], launch["facts"]):
            raise Refused(
                f"this is no longer what the run {self.plan.run.name} was begun with: {changed}; begin another"
            )

    def _progress(self, event: dict[str, Any], replicate: int) -> str:
        place = f"{self.plan.backend} {self.device} {replicate}/{self.plan.launches}"
        head = f"{place}  {event['case'].replace('/', ' '):64}"
        if event["status"] != "ok":
            return f"{head} {event['status']}: {event['reason']}"
        return f"{head} {_duration(event['benchmark']['stats']['median']):>9}"

    def _judge(self, code: int, number: int, launch: Launch) -> None:
        """Notes what a dead launch left behind, and refuses to go on where launching again cannot help.

        What fails for want of a disk fails for all backends: `journal.Unwritable`.
        """
        events = [e for e in self.events if e.get("launch") == number]
        in_flight = journal.in_flight(events)
        ended = any(e["event"] == "end" for e in events)
        if code == journal.CANNOT_WRITE:
            raise journal.Unwritable(f"a launch cannot write its results: {journal.UNWRITABLE}")
        if in_flight:
            self._end(number, in_flight, "crashed", launch.cause_of_death(code))
        elif code == PYTEST_USAGE_ERROR:
            raise Refused(launch.refusal())
        elif not ended and code != PYTEST_NOTHING_COLLECTED:
            cause = launch.internal_error() or f"exit code {code}"
            raise Refused(f"a launch ended before its first case: {cause}; see {launch.log}")

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


def lock(run: Path, owner: str):
    """Makes a run's folder, proves that it can be written, and locks the run until the returned file is closed."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        file = open(run / "lock", "a")  # noqa: SIM115 (held until the end)
        print(f"{owner} {os.getpid()}", file=file, flush=True)
        os.fsync(file.fileno())
    except OSError as error:
        raise Refused(f"cannot write results to {run}: {error.strerror}") from None
    import fcntl  # not on Windows, where `processes` has refused already

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Refused(f"the run {run.name} is being measured by another process") from None
    return file


def _duration(seconds: float) -> str:
    scales: list[tuple[float, str]] = [(1, "s"), (1e-3, "ms"), (1e-6, "µs")]
    scale, unit = next(((scale, unit) for scale, unit in scales if seconds >= scale), (1e-6, "µs"))
    return f"{seconds / scale:.3g} {unit}"


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
