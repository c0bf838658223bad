"""`python -m bench.regress`: is head slower than base? Imports no framework.

Exit codes are those of `bench.commandline.EXIT_CODES`.
"""

import argparse
import os
import shlex
import shutil
import sys
from pathlib import Path

from bench.commandline import (
    INTERRUPTED,
    USAGE,
    Refused,
    listen_to_interrupts,
    run_name,
    speak_any_locale,
    told,
    workloads,
)
from bench.regress import checkouts, options, stored, two_stage
from bench.run import devices, launches, machine
from bench.run.launches import Plan
from bench.run.profiles import PROFILES
from bench.run.supervisor import installed

CELLS = "not matmul and not copy"  # the machine's ceilings are no code of either side
RESULTS = Path("results")


def main(arguments: list[str] | None = None) -> int:
    listen_to_interrupts()
    speak_any_locale()
    option = options.parser().parse_args(arguments)
    command = shlex.join(["python", "-m", "bench.regress", *(sys.argv[1:] if arguments is None else arguments)])
    folder = None
    try:
        options.check(option)
        backend = installed(os.environ.get("KERAS_BACKEND", ""))
        if option.device not in devices.available(backend, option.device):
            return USAGE
        folder = _folder(option, backend)
        with launches.lock(folder, backend):
            return _compare(option, folder, backend, command)
    except Refused as refusal:
        print(f"regress: {refusal}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"regress: {told(error, folder, folder.parent.name if folder else '')}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        if folder is not None:
            name = folder.parent.name
            print(f"\nregress: interrupted; whole pairs are kept. Go on with: --resume --run {name}", file=sys.stderr)
        return INTERRUPTED


def _compare(option: argparse.Namespace, folder: Path, backend: str, command: str) -> int:
    if option.against_baseline:
        return stored.compare(option, folder, backend, command)
    plan = _plan(option, folder, backend)
    objects = folder / "objects"
    try:
        head = checkouts.revision(option.head) if option.head else checkouts.working_tree(objects)
        base = checkouts.revision(option.base) if option.base else head
        comparison = two_stage.Comparison(base, head, option.upgrade, option.calibrate)
        return two_stage.compare(comparison, plan, option.device, folder, command)
    finally:
        shutil.rmtree(objects, ignore_errors=True)


def _folder(option: argparse.Namespace, backend: str) -> Path:
    parent = RESULTS.resolve() / "regress"
    name, place = option.run, f"{backend}-{option.device}"
    if option.resume and not name:
        known = sorted(parent.glob(f"*/{place}"), key=lambda path: path.stat().st_mtime)
        if not known:
            raise Refused(f"there is no comparison of {place} in {parent} to resume")
        return known[-1]
    folder = parent / run_name(name) / place
    if folder.exists() and not option.resume:
        raise Refused(f"the comparison {name} has {place} already; add --resume, or another --run")
    return folder


def _plan(option: argparse.Namespace, folder: Path, backend: str) -> Plan:
    profile = option.profile or "smoke"
    return Plan(
        backend=backend,
        profile=profile,
        workloads=workloads(option.workloads),
        launches=1,
        seconds=option.seconds or options.SECONDS,
        threads=option.threads or machine.threads(),
        precision=option.precision or "ieee",
        limit=option.limit or PROFILES[profile].limit_s,
        keyword=" and ".join([*([f"({option.keyword})"] if option.keyword else []), CELLS]),
        run=folder,
        root=Path.cwd(),
        machine=option.machine,
    )


if __name__ == "__main__":
    sys.exit(main())
