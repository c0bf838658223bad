"""The command line of a comparison, and what can be seen to be wrong with it. Standard library only."""

import argparse
from pathlib import Path

from backends.environment import PRECISIONS
from bench.commandline import Parser, Refused, run_name
from bench.regress import checkouts
from bench.run.profiles import PROFILES

SECONDS = 0.2


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
    made.add_argument("--machine", help="what to call this machine (default: processor, cores, memory, accelerator)")
    made.add_argument("--run", help="name of the comparison (default: the time)")
    made.add_argument("--resume", action="store_true", help="go on with the newest comparison, or with --run")
    made.add_argument("--force", action="store_true", help="compare with a baseline of another machine or setting")
    return made


def check(option: argparse.Namespace) -> None:
    """Raises `Refused` for what can be seen to be wrong before anything is installed or measured."""
    for name in ("threads", "limit", "seconds"):
        value = getattr(option, name)
        if value is not None and value <= 0:
            raise Refused(f"--{name} must be above 0, not {value}")
    run_name(option.run)
    if option.force and not option.against_baseline:
        raise Refused("--force belongs to --against-baseline; two revisions are measured alike")
    if option.upgrade and not checkouts.REQUIREMENTS.fullmatch(option.upgrade):
        raise Refused(f"--upgrade must be PACKAGE==VERSION, such as keras==3.15.0, not {option.upgrade!r}")
    if option.against_baseline:
        if option.head:
            raise Refused("--head does not go with --against-baseline, which measures the working tree")
        if not option.against_baseline.is_dir():
            raise Refused(
                f"there is no baseline {option.against_baseline}; store one with: "
                f"cp -r results/raw/RUN {option.against_baseline}"
            )
        return
    if option.head and checkouts.has_changes():
        raise Refused(
            f"the working tree has changes that --head {option.head} does not hold; commit or stash them, or leave "
            f"--head out to compare the working tree"
        )
    for name in (option.base, option.head):
        if name:
            checkouts.revision(name)
