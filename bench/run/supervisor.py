"""`python -m pytest bench`: decides what to measure, and runs the launches of the backends. Imports no framework."""

import argparse
import importlib.util
import os
import shlex
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import backends
from backends.environment import PRECISIONS
from bench.commandline import (
    FOUND,
    INTERRUPTED,
    OK,
    USAGE,
    Refused,
    listen_to_interrupts,
    run_name,
    speak_any_locale,
    told,
    workloads,
)
from bench.run import devices, journal, launches, machine, processes
from bench.run.launches import Passes, Plan
from bench.run.profiles import DEVICES, PROFILES, settings
from bench.run.time_left import Clock, Target

BAD = ("failed", "crashed", "timeout", "out_of_memory")


def main(option: argparse.Namespace, root: Path) -> int:
    """Measures, and returns the exit code: 0 all well, 1 some cases or backends did not end well, 2 wrong use,
    130 interrupted."""
    listen_to_interrupts()
    speak_any_locale()
    try:
        interpreters = _interpreters(option)
        if not interpreters:
            return USAGE
        results = Path(option.results).absolute() if option.results else root / "results/raw"
        folder = _run_folder(results, option.run, option.resume)
        plans = {target: _plan(option, root, folder, target, python) for target, python in interpreters.items()}
        first = next(iter(plans.values()))
        run = Run(plans, dict(_named("--missing", text) for text in option.missing or ()))
        lock = launches.lock(first.run, "-".join(dict.fromkeys(backend for backend, _ in plans)))
        for plan in plans.values():
            _refuse_a_mixture(plan, resume=option.resume)
    except Refused as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return USAGE
    try:
        run.measure()
    except KeyboardInterrupt:
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_IGN)  # a second one must not cost the report
        print(f"\nbench: interrupted; the finished is kept. Go on with: --resume --run {first.run.name}", flush=True)
        run.publish()
        return INTERRUPTED
    except OSError as error:
        print(f"bench: {told(error, first.run, first.run.name)}", file=sys.stderr)
        return USAGE
    finally:
        lock.close()
    return run.summarize()


class Run:
    """All the passes over all backends: their launches alternate, so that the machine's drift hits all alike.

    The first pass, in which all is compiled, takes as long as the others together: there the page grows with each
    backend.

    Args:
        plans: of each backend and device.
        missing: backends and devices that were asked for and cannot be measured, with the reason.
    """

    def __init__(self, plans: Mapping[Target, Plan], missing: Mapping[Target, str]):
        self.plan = next(iter(plans.values()))
        self.missing = dict(missing)
        self.refused = 0
        self.has_results = False
        self.published = True
        clock = Clock(self.plan.launches)
        self.passes = {target: Passes(plan, target[1], clock) for target, plan in plans.items()}

    def measure(self) -> None:
        for (backend, device), reason in self.missing.items():
            journal.append(self.plan.run, "missing", backend=backend, device=device, reason=reason)
        for replicate in range(1, self.plan.launches + 1):
            order = list(self.passes) if replicate % 2 else list(reversed(self.passes))
            for target in order:
                self._pass(target, replicate)
                if self.has_results and (replicate == 1 or target == order[-1]):
                    self.publish()

    def _pass(self, target: Target, replicate: int) -> None:
        """One pass of one backend; one that cannot be measured leaves the others to go on."""
        try:
            self.passes[target].measure_pass(replicate)
            self.has_results = True
        except Refused as refusal:
            backend, device = target
            print(f"bench: {backend} on the {device}: {refusal}", file=sys.stderr, flush=True)
            journal.append(self.plan.run, "missing", backend=backend, device=device, reason=str(refusal))
            self.passes.pop(target).leave()
            self.refused += 1

    def publish(self) -> None:
        """Writes the page of what is measured so far and prints its answers."""
        run = self.plan.run
        beside = run.parent.parent
        command = [sys.executable, "-m", "bench.analysis", "report", str(run), "--summary"]
        command += ["--out", str(beside / "report"), "--history", str(beside / "history")]
        process = processes.start(command, cwd=self.plan.root)
        try:
            code = process.wait()
        finally:
            processes.kill(process)
        self.published = code in (OK, FOUND)
        if code not in (OK, FOUND, USAGE):  # which says itself why
            again = shlex.join(["python", *command[1:]])
            print(f"bench: the page was not written; write it with: {again}", file=sys.stderr, flush=True)

    def summarize(self) -> int:
        """Prints how the cases ended and returns the exit code."""
        events = journal.read(self.plan.run)
        bad = bool(self.missing) or self.refused > 0 or not self.published
        chosen = {(e["backend"], case) for e in events if e["event"] == "launch" for case in e["cases"]}
        for backend in dict.fromkeys(backend for backend, _ in self.passes):
            ends = [e for e in events if e["event"] == "end" and e["backend"] == backend]
            if backend not in {of for of, _ in chosen}:
                print(f"bench: {backend}: no case is chosen; see --workloads and -k", file=sys.stderr, flush=True)
                continue
            counts = Counter(e["status"] for e in ends)
            ended = ", ".join(f"{count} {status}" for status, count in counts.most_common())
            print(f"bench: {backend}: {ended} in {self.plan.run}", flush=True)
            for event in ends:
                if event["status"] != "ok":
                    print(f"  {event['case']}: {event['status']}: {event['reason']}", flush=True)
            bad = bad or any(counts[status] for status in BAD)
        if not self.passes or not chosen:
            return USAGE
        return 1 if bad else 0


def _interpreters(option: argparse.Namespace) -> dict[Target, str]:
    """Returns what to measure, each with the interpreter that has it."""
    if option.interpreter:
        return dict(_named("--interpreter", text) for text in option.interpreter)
    backend = installed(os.environ.get("KERAS_BACKEND", ""))
    one_of(DEVICES, "--device", option.device)
    return {(backend, device): sys.executable for device in devices.available(backend, option.device)}


def _named(option: str, text: str) -> tuple[Target, str]:
    """Splits BACKEND-DEVICE=VALUE."""
    target, _, value = text.partition("=")
    backend, _, device = target.partition("-")
    if backend not in backends.NAMES or device not in ("cpu", "gpu") or not value:
        raise Refused(f"{option} must be like jax-cpu=VALUE, not {text!r}")
    return (backend, device), value


def _plan(option: argparse.Namespace, root: Path, run: Path, target: Target, python: str) -> Plan:
    profile = PROFILES[one_of(PROFILES, "--profile", option.profile)]
    one_of(PRECISIONS, "--precision", option.precision)
    for name in ("launches", "threads", "limit"):
        value = getattr(option, name)
        if value is not None and value < 1:
            raise Refused(f"--{name} must be at least 1, not {value}")
    if option.seconds is not None and option.seconds <= 0:
        raise Refused(f"--seconds must be above 0, not {option.seconds}")
    return Plan(
        backend=target[0],
        profile=option.profile,
        workloads=workloads(option.workloads),
        launches=option.launches or profile.launches,
        seconds=option.seconds or profile.seconds,
        threads=option.threads or machine.threads(),
        precision=option.precision,
        limit=option.limit or profile.limit_s,
        keyword=option.keyword,
        run=run,
        root=root,
        python=python,
        machine=option.machine,
        targets=tuple(os.path.abspath(path) for path in option.file_or_dir) or ("bench",),
    )


def installed(backend: str) -> str:
    one_of(backends.NAMES, "KERAS_BACKEND", backend)
    if importlib.util.find_spec(backend) is None:
        command = f"python -m pip install -e '.[{backend},bench]'"
        raise Refused(f"{backend} is not installed here; install it with: {command}")
    return backend


def one_of(known, name: str, value: str) -> str:
    if value not in known:
        raise Refused(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value


def _run_folder(results: Path, name: str | None, resume: bool) -> Path:
    fresh = results / run_name(name)
    if not resume:
        return fresh
    runs = sorted((path.parent for path in results.glob(f"*/{journal.NAME}")), key=lambda run: run.stat().st_mtime)
    if name:
        runs = [run for run in runs if run.name == name]
    if not runs:
        raise Refused(f"there is no run {name or ''} in {results} to resume".replace("  ", " "))
    return runs[-1]


def _refuse_a_mixture(plan: Plan, *, resume: bool) -> None:
    """A run has one choice of settings, and is only added to on purpose."""
    earlier = [e for e in journal.read(plan.run) if e["event"] == "launch" and e["backend"] == plan.backend]
    if earlier and not resume:
        raise Refused(f"the run {plan.run.name} has results of {plan.backend} already; add --resume, or another --run")
    for event in earlier:
        for name, value in settings(plan).items():
            before = event["settings"].get(name)
            if before != value:
                raise Refused(f"the run {plan.run.name} was begun with {name} {before!r}, not {value!r}")
