"""Makes `python -m pytest bench` measure: this process supervises, and each launch is a pytest process of its own."""

import os

import pytest

from backends.environment import surroundings
from bench.run import supervisor
from bench.run.profiles import PROFILES


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bench", "layer benchmarks")
    group.addoption("--device", default="all", help="cpu, gpu or all: every device that is present (default)")
    group.addoption("--profile", default="default", help=f"{', '.join(PROFILES)}: how much is measured")
    group.addoption("--workloads", default="", help="names or Python files with a list WORKLOADS, comma-separated")
    group.addoption("--launches", type=int, help="processes that measure every case (default: the profile's)")
    group.addoption("--seconds", type=float, help="time for the rounds of a case (default: the profile's)")
    group.addoption("--limit", type=float, help="seconds after which a case is given up (default: the profile's)")
    group.addoption("--threads", type=int, help="threads of every backend (default: all cores)")
    group.addoption("--precision", default="ieee", help="ieee or tf32: float32 matrix products on a GPU")
    group.addoption("--results", help="folder of the runs (default: results/raw of the checkout)")
    group.addoption("--run", help="name of the run (default: the time)")
    group.addoption("--resume", action="store_true", help="go on with the newest run, or with --run")
    group.addoption("--machine", help="what to call this machine (default: processor, cores, memory, accelerator)")
    group.addoption(
        "--interpreter",
        action="append",
        metavar="BACKEND-DEVICE=PYTHON",
        help="measure with these, in turns (default: $KERAS_BACKEND with this one)",
    )
    group.addoption(
        "--missing", action="append", metavar="BACKEND-DEVICE=REASON", help="what the page says is missing"
    )
    group.addoption("--launch", type=int, help="be this launch instead of supervising (used by the supervisor)")
    group.addoption("--replicate", type=int, default=1, help="which pass over the cases a launch makes")
    group.addoption("--turns", help="two file descriptors, by which a compared launch asks for its turns")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.launch:
        found = surroundings(os.environ)  # before a framework adds its own

        from bench.run.plugin import Plugin
        from bench.run.worker import Worker

        config.option.workloads = [name for name in config.option.workloads.split(",") if name]
        config.pluginmanager.register(Plugin(Worker(config.option, found)), "bench-worker")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    if config.option.launch or config.option.help or config.option.collectonly or config.option.version:
        return None
    return supervisor.main(config.option, config.rootpath)
