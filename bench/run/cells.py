"""What a launch measures: the workloads that were chosen, each size, dtype, mode and metric a cell."""

import importlib.util
import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from backends.protocol import Adapter
from bench.run.profiles import Profile
from bench.workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class Cell:
    """One number to measure."""

    workload: Workload
    size: str
    dtype: str
    mode: str
    metric: str

    @property
    def case(self) -> str:
        return "/".join((self.workload.name, self.size, self.dtype, self.mode, self.metric))


def cells(workloads: Iterable[Workload], profile: Profile, adapter: Adapter, device: str, metric: str) -> list[Cell]:
    """Returns the cells of one metric in the order of the workloads."""
    compiles = metric.startswith("compile")
    modes = [mode for mode in adapter.MODES if mode in profile.modes and not (compiles and mode == "eager")]
    found = []
    for workload in workloads:
        ceiling = workload.family == "machine"
        if (ceiling or workload.outside) and metric != "forward":
            continue
        if workload.outside and device != "cpu":
            continue
        possible = [size for size in workload.sizes if size not in {"cpu", "gpu"} - {device}]
        sizes = [size for size in possible if size in profile.sizes] or possible
        for size in sizes:
            for dtype in ("float32",) if workload.outside else _dtypes(profile, device):
                found += [Cell(workload, size, dtype, mode, metric) for mode in (["jit"] if ceiling else modes)]
    return found


def _dtypes(profile: Profile, device: str) -> list[str]:
    return [dtype for dtype in profile.dtypes if dtype != "float16" or device == "gpu"]


def select(names: list[str], profile: Profile) -> list[Workload]:
    """Returns the workloads that `--workloads` names, files of the user's own included; all of the profile if empty.

    Raises:
        ValueError: a name that does not exist, or a file without `WORKLOADS`; the text is one line.
    """
    own = [workload for name in names if name.endswith(".py") for workload in _load(Path(name))]
    counts = Counter(workload.name for workload in (*WORKLOADS, *own))
    if twice := [name for name, count in counts.items() if count > 1]:
        raise ValueError(f"more than one workload is called {', '.join(twice)}; give yours another name")
    known = {workload.name: workload for workload in (*WORKLOADS, *own)}
    wanted = [name for name in names if not name.endswith(".py")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ValueError(f"unknown workload {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
    chosen = wanted or ([] if own else list(profile.workloads) or [w.name for w in WORKLOADS])
    machine = [w.name for w in WORKLOADS if w.family == "machine"]
    names_in_order = dict.fromkeys([*machine, *chosen, *(w.name for w in own)])
    natives = [known[name].native for name in names_in_order if known[name].native]
    return [known[name] for name in dict.fromkeys([*names_in_order, *filter(None, natives)])]


def _load(path: Path) -> list[Workload]:
    if not path.is_file():
        raise ValueError(f"no workload file {path}")
    spec = importlib.util.spec_from_file_location(f"workloads_{path.stem}", path)  # never the name of another module
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # PyTorch's compiler imports the modules of what it compiles by name
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0]
        raise ValueError(f"{path} cannot be imported: {type(error).__name__}: {first}") from error
    workloads = getattr(module, "WORKLOADS", None)
    if not workloads or not all(isinstance(workload, Workload) for workload in workloads):
        raise ValueError(f"{path} must define WORKLOADS, a list of bench.workloads.Workload")
    for name in (name for workload in workloads for name in (workload.name, *workload.sizes)):
        if not re.fullmatch(r"[\w.+=-]+", name):
            raise ValueError(
                f"{path}: a workload or a size must be called by letters, digits and . _ + = -, not {name!r}"
            )
    return list(workloads)
