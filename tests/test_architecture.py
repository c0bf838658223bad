"""Who may import whom: the table of DESIGN.md, checked in the sources, lazy imports included."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("dl_techniques", "backends", "bench")
STDLIB = tuple(sys.stdlib_module_names)
BELOW_RUN = ("bench.commandline", "bench.files", "bench.workloads")
WORKLOADS = ("bench.workloads", "dl_techniques", "backends.protocol", "keras", "numpy", *STDLIB)
ROOMS = tuple(f"bench.analysis.{room}" for room in ("formats", "statistics", "tables", "figures", "pages"))
STATISTICS = ("bench.commandline", "numpy", "scipy", "statsmodels", *STDLIB)
RAW = ("bench.files", "bench.run.journal", "bench.run.machine", "bench.numerics.run_folder")

# The longest prefix that fits a module holds its rule: the prefixes it may import.
ALLOWED = {
    "dl_techniques": ("keras", "numpy", *STDLIB),
    "backends": ("numpy", "backends.protocol", *STDLIB),
    "backends.tensorflow": ("tensorflow", "keras", "numpy", "backends.protocol", *STDLIB),
    "backends.jax": ("jax", "keras", "numpy", "backends.protocol", *STDLIB),
    "backends.torch": ("torch", "keras", "numpy", "backends.protocol", *STDLIB),
    "backends.oracle": ("jax", "keras", "numpy", "backends.protocol", *STDLIB),
    "backends.native.tensorflow": ("tensorflow", "backends.protocol", "backends.tensorflow", *STDLIB),
    "backends.native.jax": ("jax", "backends.protocol", "backends.jax", *STDLIB),
    "backends.native.torch": ("torch", "backends.protocol", "backends.torch", *STDLIB),
    "bench": ("bench", "backends.environment", "pytest", *STDLIB),
    "bench.commandline": STDLIB,
    "bench.files": STDLIB,
    "bench.workloads": WORKLOADS,
    "bench.workloads.clustering": ("bench.workloads", "dl_techniques", "numpy", "sklearn", *STDLIB),
    "bench.workloads.image": (
        "bench.workloads",
        "dl_techniques",
        "keras",
        "numpy",
        "skimage",
        "cv2",
        "scipy",
        *STDLIB,
    ),
    "bench.run": (*BELOW_RUN, "bench.run", "backends", "dl_techniques", "keras", "numpy", "pytest", *STDLIB),
    "bench.run.gpu": ("pynvml", *STDLIB),
    "bench.run.journal": STDLIB,
    "bench.run.machine": STDLIB,
    "bench.numerics": (
        *BELOW_RUN,
        "bench.run",
        "bench.numerics",
        "backends",
        "dl_techniques",
        "keras",
        "numpy",
        *STDLIB,
    ),
    "bench.numerics.run_folder": ("bench.files", "numpy", *STDLIB),
    "bench.regress": (*BELOW_RUN, "bench.run", "bench.analysis", "bench.regress", "backends.environment", *STDLIB),
    # A room imports only the rooms before it.
    "bench.analysis.formats": STDLIB,
    "bench.analysis.statistics": ("bench.analysis.statistics", *STATISTICS),
    "bench.analysis.tables": (*ROOMS[:3], *STATISTICS, *RAW, "pandas", "orjson", "pyarrow", "duckdb"),
    "bench.analysis.figures": (*ROOMS[:4], "pandas", "numpy", "matplotlib", *STDLIB),
    "bench.analysis.pages": (
        *ROOMS,
        "bench.files",
        "pandas",
        "numpy",
        "matplotlib",
        "jinja2",
        "plotly",
        "rich",
        *STDLIB,
    ),
    "bench.analysis.__init__": ("bench.analysis.tables",),
    "bench.analysis.__main__": ("bench.analysis", "bench.commandline", "pandas", *STDLIB),
}
# Inside the library each level may use its own and those below; what is not named belongs to the third.
LEVELS = (
    ("constraints", "initializers", "regularizers", "losses", "metrics", "optimization", "utils", "_keras_layers"),
    ("layers.activations", "layers.norms", "layers.regularization"),
    ("layers",),
    ("layers.transformer", "layers.yolo12"),
    ("models",),
)


def within(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(prefix + ".")


def longest(module: str, prefixes) -> str:
    return max((p for p in prefixes if within(module, p)), key=len, default="")


def level(module: str) -> int:
    """0 is the frame: `dl_techniques._serialization` and its like."""
    family = longest(module.removeprefix("dl_techniques."), [p for names in LEVELS for p in names])
    return next((i for i, names in enumerate(LEVELS, 1) if family in names), 0)


def private_to(target: str) -> str | None:
    """The package that a target with an underscore in its path belongs to."""
    parts = target.split(".")
    hidden = [i for i, part in enumerate(parts) if part.startswith("_") and not part.startswith("__")]
    return ".".join(parts[: hidden[0]]) if hidden else None


def fault(module: str, target: str) -> str | None:
    """Why `module` must not import `target`, or None. A package is named `x.__init__`."""
    owner = private_to(target)
    ours = target.partition(".")[0] in PACKAGES
    if within(target, "keras.src") or (ours and owner is not None and not within(module, owner)):
        return "it is private"
    if within(module, "dl_techniques") and within(target, "dl_techniques"):
        return library_fault(module, target)
    return None if longest(target, ALLOWED[longest(module, ALLOWED)]) else "the table does not allow it"


def library_fault(module: str, target: str) -> str | None:
    if within(module, "dl_techniques.catalogue"):
        return None
    if within(target, "dl_techniques.catalogue"):
        return "the library does not know its catalogue"
    if module.endswith(".__init__"):
        return None if within(target, module.removesuffix(".__init__")) else "a package re-exports its own only"
    return "it lies above" if level(target) > level(module) else None


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def sources() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        paths = sorted((ROOT / package).rglob("*.py"))
        assert paths, f"no sources found in {package}"
        for path in paths:
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path.read_text()


def test_the_import_table_holds():
    pairs = [(module, target) for module, source in sources() for target in imports(source)]
    assert not [f"{module} imports {target}: {why}" for module, target in pairs if (why := fault(module, target))]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("dl_techniques.layers.norms.rms_norm", "import torch.nn"),
        ("dl_techniques.layers.norms.rms_norm", "from keras import src"),
        ("dl_techniques.layers.norms.rms_norm", "from dl_techniques.layers.attention.cbam import CBAM"),
        ("dl_techniques.layers.norms.rms_norm", "from dl_techniques.catalogue import TECHNIQUES"),
        ("dl_techniques.layers.norms.rms_norm", "from dl_techniques.layers.regularization._gates import gate"),
        ("dl_techniques.layers.norms.__init__", "from dl_techniques.layers.ffn import MLP"),
        ("backends.jax", "def late():\n    import torch"),
        ("bench.run.measure", "import tensorflow as tf"),
        ("bench.run.journal", "import numpy"),
        ("bench.analysis.tables.load", "import keras"),
        ("bench.analysis.tables.load", "from bench.analysis.figures import style"),
        ("bench.analysis.statistics.steps", "from bench.analysis.tables.history import CELL"),
        ("bench.run.launches", "from bench.regress import pairs"),
    ],
)
def test_a_planted_violation_is_found(module: str, line: str):
    assert [reason for target in imports(line) if (reason := fault(module, target))]


def test_what_nox_imports_needs_nothing_installed():
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import bench.run.profiles, bench.regress.options"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
