import importlib.metadata
import importlib.util
import logging
import os
from collections.abc import Iterator

import pytest

# Most of a test's time on JAX is compilation, operation by operation. Unoptimized code compiles in half of the time,
# and by XLA's older emitters in two thirds of that; those are too inexact for the oracle of bench.numerics. JAX 0.11
# has them no more, and XLA ends the process over a flag that it does not know.
FLAGS = ["--xla_backend_optimization_level=0"]
if not importlib.util.find_spec("jax") or importlib.metadata.version("jax").startswith("0.10."):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))
# pytest-benchmark measures nothing in a worker of pytest-xdist; the runs that tests start are none.
os.environ.pop("PYTEST_XDIST_WORKER", None)

if os.environ.get("KERAS_BACKEND") == "torch":
    import torch  # noqa: F401  # Before Keras and SciPy, so that torch's own OpenMP runtime is the one in the process.

    # Or pytest, which captures every level, has torch write out each graph that it compiles.
    logging.getLogger("torch.__trace").setLevel(logging.WARNING)

try:
    import keras
except ModuleNotFoundError:  # The tests of bench.analysis run without Keras and the frameworks.
    keras = None

# Warnings are errors, but for these, which nobody here can avoid.
EXPECTED_WARNINGS = (
    # Keras' own dtype promotion is cached, and runs inside every compiled function that promotes.
    "ignore:Dynamo detected a call to a `functools.lru_cache`-wrapped function:UserWarning:torch._dynamo",
    # PyTorch before 2.12 about the switch that its Inductor still reads, and its advice on a GPU to be less exact.
    "ignore:Please use the new API settings to control TF32 behavior:UserWarning",
    "ignore:TensorFloat32 tensor cores for float32 matrix multiplication available:UserWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    for line in EXPECTED_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """By file, as modules compute things once for all their tests; but the contract, which is long, by technique."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByTechnique(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            is_long = "::test_contract[" in nodeid or "::test_training_contract[" in nodeid
            return nodeid.rpartition("-")[0] if is_long else super()._split_scope(nodeid)

    return ByTechnique(config, log)


def pytest_report_header() -> str | None:
    if keras is None:
        return "no Keras: only the tests that need none can run"
    backend = keras.backend.backend()
    return f"keras {keras.__version__} on {backend} {__import__(backend).__version__}"


@pytest.fixture(autouse=True)
def seed() -> None:
    if keras is not None:
        keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True, scope="module")
def few_programs() -> Iterator[None]:
    """Nothing that a file has compiled stays: JAX would keep it, and take minutes to free thousands of programs."""
    yield
    if keras is not None:
        from tests._frameworks import forget_programs

        forget_programs()
