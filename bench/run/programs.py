"""The models and programs of one launch, built when a case asks for them and compiled once."""

import functools
import gc
import math
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np

from backends.protocol import Adapter, Compilation, Model, Program, Tensor
from bench.run.cells import Cell
from bench.run.measure import Step
from bench.workloads import Workload
from bench.workloads.workload import Draw

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
BLOCK = 2**22
"""Elements of an input that are drawn; what is left repeats them, in memory of its own."""


class Programs:
    """What the cases of one launch run.

    Args:
        adapter: of the backend.
        native: the module of its native cores.
        device: "cpu" or "gpu".
        cache: folder of its compile caches.
    """

    def __init__(self, adapter: Adapter, native: ModuleType, device: str, cache: Path):
        self.adapter, self.native, self.device, self.cache = adapter, native, device, cache
        self._compiled: dict[tuple, Program] = {}
        self._about: dict[tuple, dict[str, Any]] = {}

    def step(self, cell: Cell) -> Step:
        """Returns the step of a cell that runs; what a cell before it compiled is not compiled again."""
        direction = "forward" if cell.metric == "forward" else "backward"
        known = self._compiled.pop(_compiled_step(cell), None) if direction == "backward" else None
        return Step(self.adapter, known or self._program(cell, direction))

    def compile(self, cell: Cell) -> Compilation:
        """Compiles the step with gradients, and keeps it for the cell that times it."""
        return self._compiled[_compiled_step(cell)].compile()

    def prepare(self, cell: Cell) -> None:
        """Makes ready what `compile` compiles: into an empty folder where the compilation is to be cold."""
        if cell.metric == "compile_cold":
            shutil.rmtree(self._folder(cell), ignore_errors=True)
        if not self.adapter.COMPILES_FIRST:
            self._compiled.clear()
        self._compiled[_compiled_step(cell)] = self._program(cell, "backward")

    def compiled_files(self) -> int:
        return sum(1 for path in self.cache.rglob("*") if path.is_file())

    def prime(self) -> None:
        """Compiles a trivial layer: what a process pays once must not be charged to its first case."""
        self.adapter.use_cache(self.cache / "prime")
        layer = keras.layers.Dense(1)
        layer.build((1, 1))
        one = self.adapter.tensor(np.ones((1, 1), "float32"), "float32")
        self.adapter.backward(layer, [one], one, "jit").compile()

    def describe(self, cell: Cell) -> dict[str, Any]:
        """Returns what identifies a cell, and its analytic operations and bytes."""
        workload, backward = cell.workload, cell.metric != "forward"
        flops = _operations(workload.flops(workload.sizes[cell.size])) if workload.flops else None
        about = self._about[_model(cell)]
        read, written = about["read"], about["written"]
        moved = (3 * read + 2 * written if backward else read + written) * BYTES[cell.dtype]
        return identity(cell) | {
            "technique": about["technique"],
            "shape": about["shape"],
            "flops": flops and flops * (3 if backward else 1),
            "bytes": None if any(workload.integers) else moved,  # a lookup reads some of its weights only
        }

    def computes(self) -> bool:
        """Whether the device still works; after an illegal access a GPU fails whatever its process asks of it."""
        try:
            one = self.adapter.tensor(np.ones(1), "float32")
            self.adapter.wait(one)
            return bool(self.adapter.array(one)[0] == 1)
        except Exception:
            return False

    def _folder(self, cell: Cell) -> Path:
        return self.cache / "-".join((cell.workload.name, cell.size, cell.dtype, cell.mode))

    def _program(self, cell: Cell, direction: str) -> Program:
        self.adapter.use_cache(self._folder(cell))
        model, inputs, cotangent = self._model(cell.workload, cell.size, cell.dtype)
        if cell.workload.outside:
            return Program(run=functools.partial(model, *inputs))
        if direction == "forward":
            return self.adapter.forward(model, inputs, cell.mode)
        return self.adapter.backward(model, inputs, cotangent, cell.mode)

    @functools.lru_cache(maxsize=1)  # noqa: B019 (lives as long as its process)
    def _model(self, workload: Workload, size: str, dtype: str) -> tuple[Model, list[Tensor], Tensor]:
        """Returns a model, its inputs and cotangents like its output on the device."""
        gc.collect()  # layers are cycles, whose weights would stay on the device for long
        model, technique = workload.build(workload.sizes[size], dtype, self.native)
        generator = np.random.default_rng(0)
        arrange = getattr(model, "layout", lambda tensor: tensor)

        def draw(
            shape: tuple[int, ...], integers: tuple[str, int, int] | None = None, values: Draw | None = None
        ) -> Tensor:
            """On a GPU the largest inputs would take longer to draw than to measure."""
            if values:
                examples = min(shape[0], max(1, BLOCK // math.prod(shape[1:])))
                block = self.adapter.tensor(values((examples, *shape[1:]), generator), dtype)
                times = (-(-shape[0] // examples), *(1 for _ in shape[1:]))
                return keras.ops.tile(block, times)[: shape[0]]
            count = math.prod(shape)
            drawn = min(count, BLOCK)
            if integers:
                kind, low, high = integers
                block = self.adapter.tensor(generator.integers(low, high, drawn).astype(kind), kind)
            else:
                block = self.adapter.tensor(generator.standard_normal(drawn, "float32"), dtype)
            return keras.ops.reshape(keras.ops.tile(block, -(-count // BLOCK))[:count], shape)

        shapes = workload.inputs(workload.sizes[size])
        kinds = {name: getattr(workload, name) or [None] * len(shapes) for name in ("integers", "values")}
        for name, told in kinds.items():
            if len(told) != len(shapes):
                raise ValueError(
                    f"`{name}` must have an entry for each of the {len(shapes)} inputs. Received: {told!r}"
                )
        inputs = [arrange(draw(*of)) for of in zip(shapes, kinds["integers"], kinds["values"], strict=True)]
        if workload.outside:
            inputs = list(map(self.adapter.array, inputs))
            output = model(*inputs)
        else:
            output = self.adapter.forward(model, inputs, "eager").run()
            if (ran_on := self.adapter.device_of(keras.tree.flatten(output)[0])) != self.device:
                raise RuntimeError(f"the layer ran on the {ran_on}, not on the {self.device}")
        cotangent = keras.tree.map_structure(lambda y: draw(tuple(y.shape)), output)
        self._about[workload.name, size, dtype] = {
            "technique": technique,
            "shape": " ".join("x".join(map(str, x.shape)) for x in inputs),
            "read": sum(_elements(x) for x in inputs) + sum(_elements(w) for w in _weights(model)),
            "written": sum(map(_elements, keras.tree.flatten(cotangent))),
        }
        return model, inputs, cotangent


def identity(cell: Cell) -> dict[str, Any]:
    """Returns what tells a cell from others, also where its layer cannot be made."""
    return {
        "family": cell.workload.family,
        "workload": cell.workload.name,
        "technique": cell.workload.name,
        "size": cell.size,
        "dtype": cell.dtype,
        "mode": cell.mode,
        "metric": cell.metric,
        "native": cell.workload.native,
    }


def _operations(flops: Any) -> float:
    if not (isinstance(flops, int | float | np.number) and math.isfinite(flops) and flops >= 0):
        raise ValueError(f"`flops` must give a number of operations, finite and not below 0. Received: {flops!r}")
    return float(flops)


def _model(cell: Cell) -> tuple[str, str, str]:
    return cell.workload.name, cell.size, cell.dtype


def _compiled_step(cell: Cell) -> tuple[str, ...]:
    return (*_model(cell), cell.mode)


def _weights(model: Model) -> list[Any]:
    return list(getattr(model, "trainable_weights", None) or getattr(model, "weights", []))


def _elements(tensor: Any) -> float:
    return float(np.prod(tuple(tensor.shape)))
