"""What is computed of one technique in one dtype, and what is noted of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.protocol import Program, Tensor
from bench.numerics import hostile
from bench.numerics.cases import COTANGENT, INPUT, WEIGHT, Arrays, Subject, is_floating, numbered
from bench.numerics.row import Row
from bench.numerics.run_folder import DRAWS, read_object, write_json

if TYPE_CHECKING:
    from bench.numerics.worker import Worker

INFERENCE, TRAINING = "inference", "training"
MODES = ("eager", "jit")
# Explicit mantissa bits, and those of the operands of float32 products on tensor cores.
BITS = {"float32": 23, "bfloat16": 7, "float16": 10}
TF32_BITS = 10
# Relative steps of central differences. The second one is lost wherever a float32 lies on the way.
STEPS = (1e-6, 1e-9)


class Computation:
    """The results of one technique in one dtype."""

    def __init__(self, worker: "Worker", row: Row, dtype: str):
        self.worker = worker
        self.adapter = worker.adapter
        self.row = row
        self.case_dtype = dtype
        self.dtype = "float64" if worker.exact else dtype
        self.results: Arrays = {}
        self.notes: dict[str, Any] = {"failures": {}}
        self.phases: list[str] = []

    def parts(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """What is computed, with the name that a failure is reported under."""
        yield "build", self.build
        if not hasattr(self, "subject"):
            return
        yield "phases", self.choose_phases
        if self.worker.exact:
            for phase in self.phases:
                yield f"exact/{phase}", partial(self.compute_exactly, phase)
            return
        for mode in MODES:
            for phase in self.phases:
                yield f"{mode}/{phase}", partial(self.compute, mode, phase)
        if self.case_dtype == "float32":
            for name in hostile.names(self.row.ranges()):
                yield f"eager/hostile {name}", partial(self.classify, name)
            if self.row.random:
                yield "eager/draws", self.draw_randomly

    def build(self) -> None:
        self.case = self.worker.case(self.row, self.case_dtype)
        subject = Subject(self.row, self.dtype)
        subject.load(self.case)
        self.subject = subject

    def choose_phases(self) -> None:
        """What draws no random numbers; training only where it computes something else than inference."""
        path = self.worker.run / "cases" / f"{self.row.name}.json"
        if self.worker.is_oracle:
            phases = [] if self.row.random_in_inference else [INFERENCE]
            if not self.row.random:
                points = {name: _widened(value) for name, value in self.case.items()}
                inference, training = (self.value(phase, points, {}, 0.0) for phase in (INFERENCE, TRAINING))
                phases += [] if np.array_equal(inference, training) else [TRAINING]
            write_json(path, {**_about(self.row), "phases": phases})
        self.phases = read_object(path)["phases"]

    # What is compared.

    def compute(self, mode: str, phase: str) -> None:
        """Twice: the same step on the same values must give the same bits."""
        program = self.program(mode, phase)
        first = self.read(program.run())
        self.subject.load(self.case)
        second = self.read(program.run())
        self.keep(f"{mode}/{phase}", first)
        changed = {name: second[name] for name in first if not _same_bits(first[name], second[name])}
        self.keep(f"again/{mode}/{phase}", changed)

    def compute_exactly(self, phase: str) -> None:
        mode = "jit" if self.worker.backend == "jax" else "eager"  # TensorFlow's XLA is not exact in float64
        values = self.read(self.program(mode, phase).run())
        self.keep(f"exact/{phase}", values)
        narrow = [f"{name} is {value.dtype}" for name, value in values.items() if value.dtype != np.float64]
        self.notes.setdefault("narrow", {})[phase] = narrow
        if self.worker.is_oracle:
            oracle, program = self.worker.oracle(), self.program("eager", phase)
            narrow += oracle.narrowings(program)
            is_tf32 = self.worker.settings.precision == "tf32" and self.case_dtype == "float32"
            roundoff = oracle.Roundoff(
                result=_roundoff(BITS[self.case_dtype]),
                operand=_roundoff(TF32_BITS) if is_tf32 else 0.0,
                inner=_roundoff(BITS["float32"]),
            )
            self.keep(f"noise/{phase}", self.read(oracle.rounding_noise(program, roundoff)))
        self.notes.setdefault("slopes", {})[phase] = self.slopes(phase, values)

    def classify(self, name: str) -> None:
        usual = numbered(self.case, INPUT)
        inputs = [hostile.change(name, x, limits) for x, limits in zip(usual, self.row.ranges(), strict=True)]
        # JAX compiles every operation for a new shape, which takes five times as long as compiling them as one.
        is_compiled = self.worker.backend == "jax" and inputs[0].shape != usual[0].shape
        values = self.read(self.program("jit" if is_compiled else "eager", INFERENCE, inputs).run(), inputs)
        self.keep(f"hostile/{name}", {key: hostile.kinds(value) for key, value in values.items()})

    def draw_randomly(self) -> None:
        """Projections of the output, many times in training mode."""
        count, projections = DRAWS
        inputs = [self.tensor(x) for x in numbered(self.case, INPUT)]
        directions = [np.random.default_rng(1 + i) for i in range(projections)]
        outputs = [_flat(self.subject(*inputs, training=True), self.adapter) for _ in range(count)]
        weights = np.stack([generator.standard_normal(outputs[0].size) for generator in directions])
        self.results["draws"] = np.stack(outputs).astype("float64") @ weights.T

    # How it is computed.

    def program(self, mode: str, phase: str, inputs: Sequence[np.ndarray] | None = None) -> Program:
        self.subject.load(self.case)
        given = [self.tensor(x) for x in (numbered(self.case, INPUT) if inputs is None else inputs)]
        if inputs is None:
            cotangents = [self.tensor(c) for c in numbered(self.case, COTANGENT)]
        else:
            shapes = self.subject.shapes_of_outputs([x.shape for x in inputs])
            cotangents = [self.tensor(np.ones(shape, "float32")) for shape in shapes]
        cotangent = cotangents[0] if len(cotangents) == 1 else tuple(cotangents)
        return self.adapter.backward(self.subject, given, cotangent, mode, training=phase == TRAINING)

    def tensor(self, array: np.ndarray) -> Tensor:
        return self.adapter.tensor(array, self.dtype if is_floating(array) else str(array.dtype))

    def read(self, results: Any, inputs: Sequence[np.ndarray] | None = None) -> Arrays:
        """The results of a backward program by name; a gradient that a framework leaves out is zero."""
        outputs, input_gradients, weight_gradients = results[:3]
        inputs, paths = inputs or numbered(self.case, INPUT), self.subject.trainable_paths()
        sources = {_numbered("gradient of input", i, inputs): x for i, x in enumerate(inputs) if is_floating(x)}
        sources |= {f"gradient of {path}": self.case[f"{WEIGHT} {path}"] for path in paths}
        gradients = [*input_gradients, *weight_gradients]
        found = {_numbered("output", i, _as_tuple(outputs)): y for i, y in enumerate(_as_tuple(outputs))}
        found |= dict(zip(sources, gradients, strict=True))
        zero = np.float64(0) if self.worker.exact else np.float32(0)
        return {
            name: np.full(sources[name].shape, zero) if value is None else self.adapter.array(value)
            for name, value in found.items()
        }

    def keep(self, prefix: str, values: Arrays) -> None:
        self.results.update({f"{prefix}/{name}": value for name, value in values.items()})

    # Whether the gradient is that of the function.

    def slopes(self, phase: str, values: Arrays) -> dict[str, list[float]]:
        """By step: the slope by central differences, by the gradients, and the sum of the gradients' parts."""
        generator = np.random.default_rng(0)
        points = {name: _widened(self.case[name]) for name in self.case if not name.startswith(COTANGENT)}
        inputs = numbered(self.case, INPUT)
        gradients = {
            f"{INPUT} {i}": values[_numbered("gradient of input", i, inputs)]
            for i, x in enumerate(inputs)
            if is_floating(x) and self.row.ranges()[i] is None and not self.subject.is_metric
        }
        gradients |= {f"{WEIGHT} {path}": values[f"gradient of {path}"] for path in self.subject.trainable_paths()}
        moves = {name: points[name] * generator.uniform(-1, 1, points[name].shape) for name in gradients}
        parts = np.concatenate([np.zeros(0), *((gradients[name] * moves[name]).ravel() for name in gradients)])
        found = {}
        for step in STEPS:
            ahead, behind = (self.value(phase, points, moves, sign * step) for sign in (1, -1))
            slope = math.fsum((ahead - behind) / (2 * step))
            found[f"{step:g}"] = [slope, math.fsum(parts), math.sqrt(np.sum(parts**2))]
        return found

    def value(self, phase: str, points: Arrays, moves: Arrays, step: float) -> np.ndarray:
        """The terms of the sum of output times cotangent, at a point moved by `step`."""
        moved = {name: point + step * moves[name] if name in moves else point for name, point in points.items()}
        self.subject.load(moved)
        inputs = [self.tensor(x) for x in numbered(moved, INPUT)]
        output = self.adapter.forward(self.subject, inputs, "eager", training=phase == TRAINING).run()
        self.subject.load(self.case)
        cotangents = [c.ravel() for c in numbered(self.case, COTANGENT)]
        return _flat(output, self.adapter) * np.concatenate(cotangents)


def _roundoff(bits: int) -> float:
    """Half a unit in the last place of a mantissa with so many explicit bits."""
    return 2.0 ** -(bits + 1)


def _about(row: Row) -> dict[str, Any]:
    return {
        "technique": row.name,
        "paper": row.paper,
        "random": row.random,
        "hostile": hostile.names(row.ranges()),
        "finite": list(row.finite),
        "tolerances": {pattern: list(reason) for pattern, reason in row.tolerances.items()},
    }


def _widened(value: np.ndarray) -> np.ndarray:
    return value.astype("float64") if is_floating(value) else value


def _numbered(name: str, index: int, among: Sequence[Any]) -> str:
    return name if len(among) == 1 else f"{name} {index}"


def _as_tuple(outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs) if isinstance(outputs, (list, tuple)) else (outputs,)


def _flat(outputs: Any, adapter: Any) -> np.ndarray:
    return np.concatenate([adapter.array(y).ravel() for y in _as_tuple(outputs)])


def _same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    return one.dtype == other.dtype and one.tobytes() == other.tobytes()
