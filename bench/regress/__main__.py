"""`python -m bench.regress`: is head slower than base? Imports no framework.

Exit codes: 0, nothing was confirmed to be slower; 1, something was; 2, wrong use, no verdict; 130, interrupted.
"""

import argparse
import os
import re
import shlex
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from backends.environment import PRECISIONS
from bench import launches
from bench.launches import Plan, Refused
from bench.profiles import PROFILES
from bench.regress import checkouts, stored, two_stage
from bench.supervisor import INTERRUPTED, USAGE, installed

SLOWER, SECONDS = 1, 0.2
RESULTS = Path("results")


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"regress: {message}; see --help\n")


def parser() -> Parser:
    made = Parser(
        prog="python -m bench.regress", description="Compare the speed of two revisions.", allow_abbrev=False
    )
    with_what = made.add_mutually_exclusive_group(required=True)
    with_what.add_argument("--base", metavar="REF", help="the git ref that head is compared with")
    with_what.add_argument("--against-baseline", metavar="FOLDER", type=Path, help="stored results instead")
    with_what.add_argument("--upgrade", metavar="PACKAGE==VERSION", help="the same code with another version")
    with_what.add_argument("--calibrate", action="store_true", help="measure this machine's noise: head with itself")
    made.add_argument("--head", metavar="REF", help="a git ref (default: the working tree as it is)")
    made.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    made.add_argument("--profile", choices=PROFILES, help="default: smoke, or that of the baseline")
    made.add_argument("--workloads", default="", help="names or Python files, comma-separated")
    made.add_argument("-k", dest="keyword", default="", help="pytest expression that chooses cells")
    made.add_argument("--seconds", type=float, help=f"time for the rounds of a cell in a launch (default: {SECONDS})")
    made.add_argument("--limit", type=float, help="seconds after which a case is given up")
    made.add_argument("--threads", type=int)
    made.add_argument("--precision", choices=PRECISIONS)
    made.add_argument("--run", help="name of the comparison (default: the time)")
    made.add_argument("--resume", action="store_true", help="go on with the newest comparison, or with --run")
    made.add_argument("--force", action="store_true", help="compare with a baseline of another machine or setting")
    return made


def main(arguments: list[str] | None = None) -> int:
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    option = parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "bench.regress", *(sys.argv[1:] if arguments is None else arguments)])
    folder = None
    try:
        check(option)
        backend = installed(os.environ.get("KERAS_BACKEND", ""))
        if option.device not in launches.devices(backend, option.device):
            return USAGE
        folder = _folder(option, backend)
        with launches.lock(folder, backend):
            return SLOWER if _compare(option, folder, backend, command) else 0
    except Refused as refusal:
        print(f"regress: {refusal}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        if folder is not None:
            name = folder.parent.name
            print(f"\nregress: interrupted; whole pairs are kept. Go on with: --resume --run {name}", file=sys.stderr)
        return INTERRUPTED


def check(option: argparse.Namespace) -> None:
    """Raises `Refused` for what can be seen to be wrong before anything is installed or measured."""
    for name in ("threads", "limit", "seconds"):
        value = getattr(option, name)
        if value is not None and value <= 0:
            raise Refused(f"--{name} must be above 0, not {value}")
    if option.run and not re.fullmatch(r"[\w.+-]+", option.run):
        raise Refused(f"--run must be a plain name of letters, digits and . _ + -, not {option.run!r}")
    if option.force and not option.against_baseline:
        raise Refused("--force belongs to --against-baseline; two revisions are measured alike")
    if option.upgrade and not checkouts.REQUIREMENTS.fullmatch(option.upgrade):
        raise Refused(f"--upgrade must be PACKAGE==VERSION, such as keras==3.15.0, not {option.upgrade!r}")
    if option.against_baseline:
        if option.head:
            raise Refused("--head does not go with --against-baseline, which measures the working tree")
        return stored.check(option.against_baseline)
    if option.head and checkouts.is_dirty():
        raise Refused(
            f"the working tree has changes that --head {option.head} does not hold; commit or stash them, or leave "
            f"--head out to compare the working tree"
        )
    for name in (option.base, option.head):
        if name:
            checkouts.revision(name)
    return None


def _compare(option: argparse.Namespace, folder: Path, backend: str, command: str) -> bool:
    if option.against_baseline:
        return stored.compare(option, folder, backend, command)
    plan = _plan(option, folder, backend)
    head = checkouts.revision(option.head or checkouts.WORKING_TREE)
    base = checkouts.revision(option.base) if option.base else head
    comparison = two_stage.Comparison(base, head, option.upgrade, option.calibrate)
    return two_stage.compare(comparison, plan, option.device, folder, command)


def _folder(option: argparse.Namespace, backend: str) -> Path:
    parent = RESULTS.resolve() / "regress"
    name, place = option.run, f"{backend}-{option.device}"
    if option.resume and not name:
        known = sorted(parent.glob(f"*/{place}"), key=lambda path: path.stat().st_mtime)
        if not known:
            raise Refused(f"there is no comparison of {place} in {parent} to resume")
        return known[-1]
    folder = parent / (name or datetime.now().strftime("%Y%m%d-%H%M%S")) / place
    if folder.exists() and not option.resume:
        raise Refused(f"the comparison {name} has {place} already; add --resume, or another --run")
    return folder


def _plan(option: argparse.Namespace, folder: Path, backend: str) -> Plan:
    profile = option.profile or "smoke"
    return Plan(
        backend=backend,
        profile=profile,
        workloads=[_workload(name) for name in option.workloads.split(",") if name],
        launches=1,
        seconds=option.seconds or SECONDS,
        threads=option.threads or launches.cores(),
        precision=option.precision or "ieee",
        limit=option.limit or PROFILES[profile].limit_s,
        keyword=option.keyword,
        run=folder,
        root=Path.cwd(),
    )


def _workload(name: str) -> str:
    """A file of the user's own serves both sides, from wherever they run."""
    return str(Path(name).resolve()) if name.endswith(".py") else name


if __name__ == "__main__":
    sys.exit(main())
