"""A campaign: commands are killed at random moments, resumed, and must be as if nothing had happened.

`KERAS_BACKEND=jax python -m tests.bench.kills --of benchmarks --count 120`; the same of `regress` and of `numerics`,
which in the environments without JAX needs `--begun RUN`, what JAX has computed of it. Of each kill it is asked
whether a process is left after 5 s, whether anything finished was lost or measured twice, and whether the resumed
command ends as one that was never killed. Ends with 1 where one of these numbers is not 0.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.analysis.tables import agreement
from bench.analysis.tables.load import load
from bench.commandline import INCOMPLETE, INTERRUPTED, USAGE
from bench.run import journal

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TARGETS = ("supervisor", "launches", "one of them", "all")
SPARED = ("supervisor", "all")
"""Nothing that is measured may come to harm where the supervisor dies too, and is started again."""
GRACE_S, PATIENCE_S = 5.0, 90.0
MARK = "KILLED_RUN"
"""A variable that all processes of a run inherit."""
WORKLOAD = ("--profile", "smoke", "--workloads", "layer_scale", "--device", "cpu", "--seconds", "0.02")


class Benchmarks:
    """Each case is measured once a pass, and all of them are on the page."""

    def __init__(self, folder: Path, option: argparse.Namespace):
        self.folder, self.passes, self.chosen = folder, option.passes, f"layer_scale and not native and ({option.k})"

    def place(self, name: str) -> Path:
        return self.folder / name / "raw" / "run"

    def command(self, place: Path) -> list[str]:
        command = [sys.executable, "-m", "pytest", "bench", *WORKLOAD, "-k", self.chosen]
        command += ["--launches", str(self.passes), "--limit", "60", "--results", str(place.parent), "--run", "run"]
        return [*command, "--resume"] if (place / journal.NAME).exists() else command

    def finished(self, place: Path) -> dict[Any, Any]:
        """When each case ended, by its pass."""
        events = journal.read(place)
        passes = {e["launch"]: e["pass"] for e in events if e["event"] == "launch"}
        ends: dict[Any, Any] = {}
        for event in events:
            if event["event"] == "end":
                ends.setdefault((passes[event["launch"]], event["case"]), []).append(event["time"])
        return ends

    def wrong(self, place: Path, whole: dict[Any, Any], most_harmed: int) -> list[str]:
        ended, loaded = self.finished(place), load([place])
        statuses = Counter(e["status"] for e in journal.read(place) if e["event"] == "end")
        found = ["measured twice"] if any(len(times) > 1 for times in ended.values()) else []
        if ended.keys() != whole.keys() or loaded.problems or loaded.frame["launches"].max() > self.passes:
            found.append(f"wrong rows: {loaded.problems or set(whole) ^ set(ended)}")
        if statuses.total() - statuses["ok"] > most_harmed:
            found.append(f"harmed: {dict(statuses)}")
        return found if (place.parents[1] / "report" / "index.html").exists() else [*found, "no page"]


class Regress:
    """Whole pairs count once, and the checkout's git is left as it was."""

    PAIRS = 2
    # Two pairs to screen all cells, two more to confirm them: the whole way, in seconds.
    SHORT = (
        "import sys; from bench.analysis.statistics import revisions; from bench.regress.__main__ import main\n"
        f"revisions.SCREEN_PAIRS = revisions.LOOK_PAIRS = revisions.CONFIRM_PAIRS = {PAIRS}\n"
        f"revisions.is_flagged = lambda differences: len(differences) >= {PAIRS}\n"
        "sys.exit(main())"
    )

    def __init__(self, folder: Path, option: argparse.Namespace):
        self.name = folder.name

    def place(self, name: str) -> Path:
        return ROOT / "results/regress" / f"{self.name}-{name}" / f"{os.environ['KERAS_BACKEND']}-cpu"

    def command(self, place: Path) -> list[str]:
        chosen = ("-k", "layer_scale and forward and not native", "--run", place.parent.name)
        return [sys.executable, "-c", self.SHORT, "--base", "HEAD", *WORKLOAD, *chosen, "--resume"]

    def finished(self, place: Path) -> dict[Any, Any]:
        """What each side measured in each whole pair."""
        ends = [(side, e) for side in ("base", "head") for e in journal.read(place / side) if e["event"] == "end"]
        pairs = [e for e in journal.read(place) if e["event"] == "pair"]
        return {
            (pair["stage"], pair["pass"]): [
                (side, e["case"], e["time"]) for side, e in ends if e["launch"] == pair["pass"]
            ]
            for pair in pairs
        }

    def wrong(self, place: Path, whole: dict[Any, Any], most_harmed: int) -> list[str]:
        pairs = [e for e in journal.read(place) if e["event"] == "pair"]
        found = ["measured twice"] if len(pairs) > len(self.finished(place)) else []
        if Counter(e["stage"] for e in pairs) != Counter(stage for stage, _ in whole):
            found.append(f"wrong pairs: {[(e['stage'], e['pass']) for e in pairs]}")
        if {len(ends) for ends in self.finished(place).values()} != {len(ends) for ends in whole.values()}:
            found.append("pairs that are not whole")
        if left := self.left(place):
            found.append(left)
        shutil.rmtree(place.parent)
        return found

    def left(self, place: Path) -> str:
        """What a comparison that was not killed outright leaves in the checkout."""
        listed = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True, check=True)
        left = [path.name for path in (place / "objects", *place.glob("trees/*")) if path.exists()]
        return "worktrees are left" if left or listed.stdout.count("\n") > 1 else ""


class Numerics:
    """Each result is computed once, and the judge ends as of an unharmed run."""

    TECHNIQUES = "RMSNorm,LayerScale,Mish,BandRMS"

    def __init__(self, folder: Path, option: argparse.Namespace):
        self.folder, self.begun = folder, option.begun

    def place(self, name: str) -> Path:
        if self.begun:
            shutil.copytree(self.begun, self.folder / name)
        return self.folder / name

    def command(self, place: Path) -> list[str]:
        options = ("--results", str(place.parent), "--run", place.name, "--limit", "60")
        return [sys.executable, "-m", "bench.numerics", "--only", self.TECHNIQUES, *options]

    def finished(self, place: Path) -> dict[Any, Any]:
        """When each result was written."""
        results = place.glob("*/*/*.json")
        return {
            path.relative_to(place): path.stat().st_mtime_ns for path in results if path.parents[1].name != "cases"
        }

    def wrong(self, place: Path, whole: dict[Any, Any], most_harmed: int) -> list[str]:
        run = agreement.read(place)
        verdicts, _ = agreement.judge(run)
        lost = [key for key, record in run.records.items() if "process" in record.failures]
        found = [f"harmed: {lost}"] if len(lost) > most_harmed else []
        if self.finished(place).keys() != whole.keys() or agreement.exit_code(verdicts) == INCOMPLETE:
            found.append(f"wrong results: {agreement.losses(verdicts)}")
        if not lost and agreement.exit_code(verdicts):
            found.append(f"disagreements: {agreement.worst(verdicts)}")
        return [*found, "claims are left"] if list(place.glob("*/*/*.running")) else found


SUBJECTS = {"benchmarks": Benchmarks, "regress": Regress, "numerics": Numerics}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kills")
    parser.add_argument("--of", choices=SUBJECTS, default="benchmarks")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--passes", type=int, default=2, help="of benchmarks")
    parser.add_argument("-k", default="eager or jit", help="which cells of benchmarks")
    parser.add_argument("--begun", type=Path, help="of numerics: what JAX has computed of the same techniques")
    option = parser.parse_args()
    choose, wrong, done = random.Random(option.seed), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        subject = SUBJECTS[option.of](Path(folder), option)
        place, began = subject.place("whole"), time.monotonic()
        _start(subject.command(place), "whole").wait()
        lasts, whole = time.monotonic() - began, subject.finished(place)
        found = subject.wrong(place, whole, most_harmed=0)
        print(f"unharmed: {len(whole)} finished in {lasts:.0f} s, {', '.join(found) or 'well'}", flush=True)
        for number in range(option.count):
            sign, target = choose.choice(SIGNALS), choose.choice(TARGETS)
            after = choose.uniform(0.0, lasts)
            found = _kill_and_resume(subject, f"killed-{number}", sign, target, after, whole)
            wrong.update(found)
            done[f"{sign.name} to {target}"] += 1
            told = ", ".join(found) or "well"
            print(f"{number + 1}: {sign.name} to {target} after {after:.1f} s: {told}", flush=True)
    print(f"{option.count} kills of {option.of}, {dict(done)}: {dict(wrong) or 'nothing wrong'}")
    return int(bool(wrong))


def _kill_and_resume(
    subject: Any, name: str, sign: signal.Signals, target: str, after: float, whole: dict[Any, Any]
) -> list[str]:
    place = subject.place(name)
    process = _start(subject.command(place), name)
    time.sleep(after)
    killed = _victims(process, name, target)
    for pid in killed:
        _send(pid, sign)
    code, found = _end(process), []
    deadline = time.monotonic() + GRACE_S
    while (left := _alive(name)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        found.append(f"left running: {[_told(pid) for pid in left]}")
        for pid in left:
            _send(pid, signal.SIGKILL)
    if isinstance(subject, Regress) and code is not None and code >= 0 and (worktrees := subject.left(place)):
        found.append(f"{worktrees} at once")
    before = subject.finished(place)
    if code != 0:
        code = _start(subject.command(place), name).wait()
    if code < 0 or code in (USAGE, INTERRUPTED):
        found.append(f"resumed to exit code {code}")
    now = subject.finished(place)
    if any(now.get(key) != value for key, value in before.items()):
        found.append("lost or measured again")
    return [*found, *subject.wrong(place, whole, 0 if target in SPARED else len(killed))]


def _start(command: Sequence[str], name: str) -> subprocess.Popen:
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, MARK: _marked(name)}, stdout=quiet, stderr=quiet)


def _marked(name: str) -> str:
    """What no other campaign calls its runs."""
    return f"{os.getpid()}-{name}"


def _victims(process: subprocess.Popen, name: str, target: str) -> list[int]:
    """What is to be killed; where that are launches, as soon as there is one."""
    others: list[int] = []
    while not others and process.poll() is None:
        others = [pid for pid in _alive(name) if pid != process.pid]
        if target in SPARED:
            break
        time.sleep(0.02)
    if target == "one of them":
        return others[-1:]
    return {"supervisor": [process.pid], "launches": others, "all": [process.pid, *others]}[target]


def _end(process: subprocess.Popen) -> int | None:
    """Its exit code, None where it had to be killed as it did not end."""
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        return


def _alive(name: str) -> list[int]:
    """The processes of a run, oldest first."""
    mark, found = f"{MARK}={_marked(name)}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            variables, state = (place / "environ").read_bytes(), (place / "stat").read_text().rpartition(")")[2]
        except OSError:
            continue
        if mark in variables.split(b"\0") and state.split()[0] != "Z":
            found.append(int(place.name))
    return sorted(found)


def _told(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120]
    except OSError:
        return str(pid)


if __name__ == "__main__":
    sys.exit(main())
