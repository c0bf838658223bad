"""Each backend in an environment of its own: `nox -s bench-tf bench-jax bench-torch` and `nox -s tests`."""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

sys.path.insert(0, str(Path(__file__).parent))
from bench.commandline import OK, UNDECIDED, USAGE, Refused, run_name
from bench.regress import options
from bench.run.profiles import DEVICES, PROFILES

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

RUN = run_name(None)
EXTRAS = {"tf": "tensorflow", "jax": "jax", "torch": "torch"}
READY: dict[str, str] = {}
MISSING: dict[str, str] = {}
GPUS: list[str] = []
"""What the sessions that make environments have prepared: interpreters, reasons, and backends with a GPU to come."""
GPU_PACKAGES = {"tf": "tensorflow[and-cuda]", "jax": "jax[cuda13]", "torch": "torch"}


@nox.session(name="bench-tf")
def bench_tf(session: nox.Session) -> None:
    """Benchmark TensorFlow on every device that is present (-- --device DEVICE --profile NAME)."""
    bench(session, "tf")


@nox.session(name="bench-jax")
def bench_jax(session: nox.Session) -> None:
    """Benchmark JAX on every device that is present."""
    bench(session, "jax")


@nox.session(name="bench-torch")
def bench_torch(session: nox.Session) -> None:
    """Benchmark PyTorch on every device that is present."""
    bench(session, "torch")


@nox.session(name="bench-gpu")
@nox.parametrize("backend", [nox.param(name, id=name) for name in GPU_PACKAGES])
def bench_gpu(session: nox.Session, backend: str) -> None:
    """Make an environment with the GPU build of a backend; queued by the sessions above where a GPU is found."""
    if GPUS[-1] == backend:
        session.notify("bench-measure", posargs=session.posargs)
    prepare(session, backend, "gpu", ".[bench]", GPU_PACKAGES[backend])


@nox.session(name="bench-measure", venv_backend="none")
def bench_measure(session: nox.Session) -> None:
    """Measure in turns what the sessions above have prepared; queued by them."""
    if not READY:
        session.error("there is nothing to measure")
    run = [] if "--resume" in session.posargs or "--run" in session.posargs else ["--run", RUN]
    ready = [f"--interpreter={target}={python}" for target, python in READY.items()]
    missing = [f"--missing={target}={reason}" for target, reason in MISSING.items()]
    suite = str(Path("bench").absolute())
    command = [next(iter(READY.values())), "-m", "pytest", suite, *run, *ready, *missing, *session.posargs]
    unset = dict.fromkeys(("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD"), "")
    with session.chdir(session.invoked_from):  # files that are named in the options lie there
        # An interrupted run still reports what it finished.
        session.run(*command, env=unset, external=True, interrupt_timeout=60, terminate_timeout=10)


@nox.session(venv_backend="none")
def regress(session: nox.Session) -> None:
    """Compare the speed of two revisions (-- --base REF, --backend tf,jax,torch, --help for the rest)."""
    parser = argparse.ArgumentParser(prog="nox", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    parser.add_argument("--backend", default=",".join(EXTRAS))
    known, rest = parser.parse_known_args(session.posargs)
    unknown = set(known.backend.split(",")) - set(EXTRAS)
    if unknown:
        parser.error(f"argument --backend: {', '.join(sorted(unknown))}: choose from {', '.join(EXTRAS)}")
    check_regress(rest)
    for backend in known.backend.split(","):
        session.notify(f"regress-backend({backend})", posargs=rest)


@nox.session(name="regress-backend")
@nox.parametrize("backend", [nox.param(name, id=name) for name in EXTRAS])
def regress_backend(session: nox.Session, backend: str) -> None:
    """Compare on one backend; queued by the session above."""
    gpu = "gpu" in session.posargs
    install(session, ".[bench]" if gpu else f".[{EXTRAS[backend]},bench]", *([GPU_PACKAGES[backend]] if gpu else []))
    run = [] if "--resume" in session.posargs or "--run" in session.posargs else ["--run", RUN]
    command = ["python", "-m", "bench.regress", *run, *session.posargs]
    env = {"KERAS_BACKEND": EXTRAS[backend]}
    try:
        session.run(*command, env=env, success_codes=[OK, UNDECIDED], interrupt_timeout=60, terminate_timeout=10)
    except CommandFailed as failure:
        if failure.return_code == USAGE:
            sys.exit(USAGE)
        raise


@nox.session
@nox.parametrize("backend", [nox.param(name, id=name) for name in ("jax", "tf", "torch")])
def numerics(session: nox.Session, backend: str) -> None:
    """Compare the backends' results with an oracle (-- --dtypes all, --only NAMES, --layer MODULE:CLASS ...)."""
    install(session, f".[{EXTRAS[backend]}]")
    compute(session)


@nox.session(name="numerics-gpu")
@nox.parametrize("backend", [nox.param(name, id=name) for name in ("jax", "tf", "torch")])
def numerics_gpu(session: nox.Session, backend: str) -> None:
    """The same on a GPU (-- --precision tf32 shows what that costs)."""
    install(session, ".", GPU_PACKAGES[backend])
    compute(session, "--device", "gpu")


@nox.session(name="numerics-judge")
def numerics_judge(session: nox.Session) -> None:
    """Judge a run of numerics; queued by the sessions above (-- RUN --against ANOTHER compares two)."""
    install_analysis(session)
    session.run("python", "-m", "bench.analysis", "numerics", *session.posargs)


@nox.session
def report(session: nox.Session) -> None:
    """Combine the newest results of every backend into results/report (-- paths of other runs)."""
    install_analysis(session)
    session.run("python", "-m", "bench.analysis", "report", *session.posargs)


@nox.session
def notebooks(session: nox.Session) -> None:
    """Execute the notebooks, with all three backends in one environment."""
    install(session, f".[{','.join(EXTRAS.values())},bench,notebooks]")
    session.run("python", "notebooks/execute.py", *session.posargs)


@nox.session
@nox.parametrize("backend", [nox.param(extra, id=name) for name, extra in EXTRAS.items()])
def tests(session: nox.Session, backend: str) -> None:
    """Run all tests on one backend after the other."""
    install(session, f".[{backend},bench,test]")
    session.run(
        "python", "-m", "pytest", "-n", "auto", "--dist", "loadfile", *session.posargs, env={"KERAS_BACKEND": backend}
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install("-c", "constraints.txt", "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, ".[jax,bench]", "mypy")
    session.run("mypy")


def bench(session: nox.Session, backend: str) -> None:
    """Makes the environment; all backends that were asked for are then measured in turns."""
    device, rest = parse(session.posargs)
    if device != "cpu":
        if has_gpu():
            GPUS.append(backend)
            session.notify(f"bench-gpu({backend})", posargs=rest)
        else:
            told = "no GPU on this machine"
            session.error(told) if device == "gpu" else session.log(f"{told}: measuring the CPU")
    if device != "gpu":
        if not GPUS:
            session.notify("bench-measure", posargs=rest)
        prepare(session, backend, "cpu", f".[{EXTRAS[backend]},bench]")


def prepare(session: nox.Session, backend: str, device: str, *packages: str) -> None:
    """Installs; a backend that cannot be installed is one line, and the others go on."""
    target = f"{EXTRAS[backend]}-{device}"
    try:
        install(session, *packages)
    except CommandFailed:
        MISSING[target] = "its environment could not be made; see the messages of pip"
        session.error(f"{target}: {MISSING[target]}")
    READY[target] = str(Path(session.bin).absolute() / "python")


def compute(session: nox.Session, *options: str) -> None:
    """Every backend adds to one run, in an environment of its own; the oracle, on JAX, is the first."""
    run = [] if "--run" in session.posargs else ["--run", RUN]
    session.run("python", "-m", "bench.numerics", *run, *options, *session.posargs)
    session.notify("numerics-judge", posargs=[])


def install(session: nox.Session, *packages: str) -> None:
    session.install("-c", "constraints.txt", "-e", *packages)


def install_analysis(session: nox.Session) -> None:
    """What the analysis needs, once: to see that nothing is missing takes pip half as long as a report."""
    packages = nox.project.load_toml("pyproject.toml")["project"]["optional-dependencies"]["bench"]
    wanted = "\n".join([*packages, Path("constraints.txt").read_text()])
    installed = Path(session.virtualenv.location) / "installed.txt"
    if not installed.exists() or installed.read_text() != wanted:
        session.install("-c", "constraints.txt", *packages)
        session.run_install(installed.write_text, wanted)  # not with --no-install


def parse(options: list[str]) -> tuple[str, list[str]]:
    """Returns the device, and the options for pytest; wrong ones end nox before anything is installed."""
    parser = argparse.ArgumentParser(prog="nox", usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False)
    parser.add_argument("--device", choices=DEVICES, default="all")
    parser.add_argument("--profile", choices=PROFILES)
    known, rest = parser.parse_known_args(options)
    return known.device, [*(["--profile", known.profile] if known.profile else []), *rest]


def check_regress(arguments: list[str]) -> None:
    """Ends nox with 2 and one line where a comparison cannot be begun, before anything is installed."""
    try:
        options.check(options.parser().parse_args(arguments))
    except Refused as refusal:
        print(f"regress: {refusal}", file=sys.stderr)
        sys.exit(USAGE)


def has_gpu() -> bool:
    command = shutil.which("nvidia-smi")
    return command is not None and subprocess.run([command, "-L"], capture_output=True).returncode == 0
