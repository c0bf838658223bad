"""What the measurement needs of a framework, and no more.

1. Run a model's forward pass, and its forward pass with the gradients of every floating input and every trainable
   weight for a given cotangent, in each mode that the framework has.
2. Everything that varies travels as an argument of the compiled step: inputs, cotangents, weights and state. Captured
   arrays would become constants, which compilers fold.
3. A call only enqueues the step. `wait` returns when the results are really there.
4. Compile once from nothing in this process, telling apart what the framework can tell apart, and say how many
   graphs it took and how many breaks lie between them. The caches on disk decide whether that is cold or warm.
5. Count traces, so that a retrace in a timed region is seen.
6. Say what the process really runs with, as read back from the framework, not as asked for.

Modes: `eager` runs operation by operation; `graph` is TensorFlow's graph without XLA; `jit` compiles with XLA
(TensorFlow, JAX) or Inductor (PyTorch). There is no "auto": it means another thing on each backend.

An adapter is a module with the functions of `Adapter`. It may import its own framework, Keras and this file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Tensor = Any
Model = Any  # a built Keras layer, or a Native


@dataclass(frozen=True)
class Native:
    """A core written in the framework's own best functions: the yardstick for a Keras layer.

    Args:
        function: `function(weights, *inputs)` returns the output.
        weights: device tensors.
        layout: turns a channels-last tensor into the layout that `function` takes and returns.
    """

    function: Callable[..., Tensor]
    weights: list[Tensor]
    layout: Callable[[Tensor], Tensor] = lambda tensor: tensor


@dataclass
class Compilation:
    """What one compilation took.

    Args:
        phases: seconds by phase; `trace`, `lower`, `compile` and `first_run`, those that the framework can tell apart.
        graphs: number of graphs the step became.
        graph_breaks: number of places where Python had to take over between them.
    """

    phases: dict[str, float]
    graphs: int
    graph_breaks: int


@dataclass
class Program:
    """One step, ready to run.

    Args:
        run: enqueues a step and returns its results without waiting: the output of a forward program; output, input
            gradients and weight gradients of a backward program.
        traces: how many times the step was traced so far; 0 in eager mode.
        compile: compiles from nothing, runs once and waits; `run` then uses what was compiled. Raises `ValueError` in
            eager mode.
        executable: what the framework made of the step, for its adapter only; None where there is nothing to ask.
    """

    run: Callable[[], Any]
    traces: Callable[[], int] = lambda: 0
    compile: Callable[[], Compilation] = field(default=lambda: _nothing_to_compile())
    executable: Callable[[], Any] | None = None


class Adapter(Protocol):
    """The functions that every adapter module has."""

    MODES: tuple[str, ...]
    COMPILES_FIRST: bool
    """Whether a process must compile before it does other work, or its disk cache would not be found again."""

    def devices(self) -> list[str]:
        """Returns which of `cpu` and `gpu` this process can use."""
        ...

    def device_of(self, tensor: Tensor) -> str:
        """Returns which of `cpu` and `gpu` holds a tensor."""
        ...

    def facts(self, device: str) -> dict[str, Any]:
        """Returns versions, device name, threads and matmul precision as the framework reports them."""
        ...

    def pin_precision(self, precision: str) -> None:
        """Computes float32 matrix products and convolutions in "ieee" float32, or in "tf32" where a GPU has it."""
        ...

    def tensor(self, array: np.ndarray, dtype: str) -> Tensor:
        """Puts an array on the default device and waits for it."""
        ...

    def array(self, tensor: Tensor) -> np.ndarray:
        """Returns a tensor's values as NumPy; bfloat16 as float32."""
        ...

    def forward(self, model: Model, inputs: Sequence[Tensor], mode: str, *, training: bool | None = None) -> Program:
        """Returns the program of the forward pass, which computes no gradients.

        Unless `training` is given the layer is called with its inputs alone, as it mostly is for inference: the
        argument costs time in an eager call.
        """
        ...

    def backward(
        self, model: Model, inputs: Sequence[Tensor], cotangent: Tensor, mode: str, *, training: bool = True
    ) -> Program:
        """Returns the program of forward pass and gradients; `cotangent` is structured as the output is."""
        ...

    def wait(self, results: Any) -> None:
        """Blocks until `results`, as returned by a program, are computed."""
        ...

    def use_cache(self, folder: Path) -> None:
        """Forgets the programs compiled in this process and keeps the next ones in `folder`."""
        ...

    def peak_memory(self, program: Program) -> int | None:
        """Returns the bytes that a run needs on a GPU beyond those held before, None where nobody can tell."""
        ...

    def attention(self, program: Program) -> str | None:
        """Returns the fused attention kernel that a run uses, "unfused" without one, None where nobody can tell."""
        ...

    def is_out_of_memory(self, error: BaseException) -> bool: ...


def _nothing_to_compile() -> Compilation:
    raise ValueError("a program in eager mode has nothing to compile")


def call_options(training: bool | None) -> dict[str, bool]:
    """What a layer is called with beside its inputs."""
    return {} if training is None else {"training": training}
