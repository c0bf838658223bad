"""A campaign: benchmarks are killed at random moments, resumed, and must be as if nothing had happened.

`KERAS_BACKEND=jax python -m tests.bench.kills --count 200`: of each kill it is asked whether a process is left after
5 s, whether a finished case was lost or measured twice, and whether the resumed run has the rows of one that was
never killed. Ends with 1 where one of these numbers is not 0.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bench.analysis.tables.load import load
from bench.run import journal

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TARGETS = ("supervisor", "launch", "both")
GRACE_S = 5.0
OPTIONS = ("--profile", "smoke", "--workloads", "layer_scale", "--launches", "2", "--seconds", "0.05")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kills")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    option = parser.parse_args()
    choose = random.Random(option.seed)
    wrong: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run = Path(folder) / "raw" / "whole"
        _start(run).wait()
        whole, planned = time.monotonic() - began, _ended(run)
        print(f"unharmed: {sum(planned.values())} cases in {whole:.0f} s", flush=True)
        for number in range(option.count):
            run = Path(folder) / "raw" / f"killed-{number}"
            sign, target = choose.choice(SIGNALS), choose.choice(TARGETS)
            after = choose.uniform(0.0, whole)
            found = _kill_and_resume(run, sign, target, after, planned)
            wrong.update(found)
            told = ", ".join(found) or "well"
            print(f"{number + 1}: {sign.name} to {target} after {after:.1f} s: {told}", flush=True)
    print(f"{option.count} kills: {dict(wrong) or 'nothing wrong'}")
    return int(bool(wrong))


def _kill_and_resume(run: Path, sign: signal.Signals, target: str, after: float, planned: Counter) -> list[str]:
    process = _start(run)
    time.sleep(after)
    supervisor, launches = process.pid, [pid for pid in _alive(run) if pid != process.pid]
    for pid in {"supervisor": [supervisor], "launch": launches, "both": [supervisor, *launches]}[target]:
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            continue
    found = []
    if target == "launch":  # the supervisor goes on by itself
        process.wait()
    else:
        deadline = time.monotonic() + GRACE_S + (60 if sign != signal.SIGKILL else 0)  # a page is written
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(GRACE_S)
    if left := _alive(run):
        found.append("left running")
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    before = _ended(run)
    if (run / journal.NAME).exists() and before != planned:
        _start(run, "--resume").wait()
    elif not before:
        _start(run).wait()
    ended = _ended(run)
    if before - ended:
        found.append("lost")
    if any(count > 1 for count in ended.values()):
        found.append("measured twice")
    loaded = load([run])
    if set(ended) != set(planned) or loaded.problems:
        found.append(f"wrong rows: {loaded.problems or set(planned) ^ set(ended)}")
    counted = loaded.frame.loc[loaded.frame["status"] == "ok", "launches"]
    if counted.max() > 2:
        found.append("counted twice")
    return found


def _start(run: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "pytest", "bench", "--device", "cpu", *OPTIONS, "-k", "not native", *options]
    command += ["--results", str(run.parent), "--run", run.name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _ended(run: Path) -> Counter[tuple[int, str]]:
    """How often each case ended in each pass."""
    events = journal.read(run)
    passes = {e["launch"]: e["pass"] for e in events if e["event"] == "launch"}
    return Counter((passes[e["launch"]], e["case"]) for e in events if e["event"] == "end")


def _alive(run: Path) -> list[int]:
    """Processes that name the run in their command, or its caches in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            texts = [(place / name).read_bytes() for name in ("cmdline", "environ")]
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        mine = int(place.name) == os.getpid()
        if not mine and state != "Z" and any(run.name.encode() + end in t for t in texts for end in (b"\0", b"/")):
            found.append(int(place.name))
    return found


if __name__ == "__main__":
    sys.exit(main())
