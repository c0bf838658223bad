"""`python -m bench.numerics`: computes what the backends installed here can, into one run folder.

A run may be gathered from several environments, the one with JAX first: `--run NAME` in each.
Exit codes are those of `bench.commandline.EXIT_CODES`.
"""

import argparse
import importlib.util
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commandline import INTERRUPTED, OK, USAGE, Refused, listen_to_interrupts, run_name, speak_any_locale
from bench.numerics import options
from bench.numerics.job import Job
from bench.numerics.run_folder import DEVICE, FLOAT64, Damaged, Settings, plan, worker_name
from bench.run import devices, launches, machine

# The oracle comes first: it draws the inputs and the weights.
ROLES = {"jax": (FLOAT64, DEVICE), "tensorflow": (FLOAT64, DEVICE), "torch": (DEVICE,)}
GPU_PROCESSES = 8
"""Each holds half a gigabyte of a GPU before it computes anything."""


def main(arguments: Sequence[str] | None = None) -> int:
    speak_any_locale()
    option = options.parser().parse_args(arguments)
    try:
        run = Path(option.results).resolve() / run_name(option.run)
        names = [name for name in ROLES if importlib.util.find_spec(name)]
        if not names:
            raise Refused("no backend is installed here; install one with: python -m pip install -e '.[jax]'")
        roles = _roles(names, option.device)
        settings = options.settings(option)
        with launches.lock(run, "numerics"):
            _prepare(run, settings, option.cases_of)
            if "jax" not in names and not (run / "cases").exists():
                raise Refused("the oracle is JAX in float64 and comes first: begin the run where JAX is installed")
            plan(run, [worker_name(name, role, option.device) for name in names for role in roles[name]])
            for name in names:
                for role in roles[name]:
                    Job(run, name, role, option.limit, option.machine).finish(_processes(option, role))
    except Refused as refusal:
        print(f"numerics: {refusal}", file=sys.stderr)
        return USAGE
    except Damaged as damaged:
        print(f"numerics: {damaged}; begin another --run", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"numerics: cannot write results: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print(f"\nnumerics: interrupted; the same command with --run {run.name} goes on", file=sys.stderr)
        return INTERRUPTED
    print(f"numerics: {', '.join(names)} in {run}; judge with: python -m bench.analysis numerics {run}", flush=True)
    return OK


def _roles(names: Sequence[str], device: str) -> dict[str, tuple[str, ...]]:
    """What each backend computes: it leaves out a GPU that it does not see."""
    lacks = {name: devices.lack_of_gpu(name) for name in names} if device == "gpu" else dict.fromkeys(names, "")
    for lack in dict.fromkeys(filter(None, lacks.values())):
        print(f"numerics: {lack}", file=sys.stderr)
    if all(lacks.values()):
        raise Refused("nothing to compare")
    return {name: tuple(role for role in ROLES[name] if role == FLOAT64 or not lacks[name]) for name in names}


def _processes(option: argparse.Namespace, role: str) -> int:
    count = max(1, machine.threads() // option.threads)
    return min(count, GPU_PROCESSES) if option.device == "gpu" and role == DEVICE else count


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


if __name__ == "__main__":
    listen_to_interrupts()
    sys.exit(main())
