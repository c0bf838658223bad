"""The adapter for PyTorch; see `backends.protocol`."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import torch
import torch._dynamo
import torch._inductor.utils
from torch._dynamo.utils import calculate_time_spent, counters

from backends.protocol import Compilation, Model, Native, Program, Tensor, call_options

MODES = ("eager", "jit")
COMPILES_FIRST = False
FUSED = ("cudnn", "flash", "efficient")


def devices() -> list[str]:
    return ["cpu", "gpu"] if torch.cuda.is_available() else ["cpu"]


def device_of(tensor: Tensor) -> str:
    return "gpu" if tensor.is_cuda else "cpu"


def facts(device: str) -> dict[str, Any]:
    return {
        "backend_version": torch.__version__,
        "device_name": torch.cuda.get_device_name() if device == "gpu" else "cpu",
        "threads_read_back": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "convolution_precision": torch.backends.cudnn.conv.fp32_precision,
    }


def pin_precision(precision: str) -> None:
    torch.set_float32_matmul_precision("highest" if precision == "ieee" else "high")
    # Inductor reads the older switch too, and fails where the newer ones contradict it (pytorch#166387).
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    for operations in (torch.backends.cudnn.conv, torch.backends.cudnn.rnn):
        operations.fp32_precision = precision


def tensor(array: np.ndarray, dtype: str) -> Tensor:
    return keras.ops.convert_to_tensor(array, dtype)


def array(tensor: Tensor) -> np.ndarray:
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).detach().cpu().numpy()


def forward(model: Model, inputs: Sequence[Tensor], mode: str, *, training: bool | None = None) -> Program:
    apply, _ = _pure(model, training)

    def finish(function):
        def step():
            with torch.no_grad():
                return function(*inputs)

        return step

    return _program(apply, finish, mode)


def backward(
    model: Model, inputs: Sequence[Tensor], cotangent: Tensor, mode: str, *, training: bool = True
) -> Program:
    apply, weights = _pure(model, training)
    inputs = [x.detach().requires_grad_(x.is_floating_point()) for x in inputs]
    floating = [x for x in inputs if x.requires_grad]
    flat = (lambda output: [output]) if torch.is_tensor(cotangent) else keras.tree.flatten
    cotangents, targets = flat(cotangent), [*floating, *weights]

    def gradients_of(outputs):
        reached = [(y, c) for y, c in zip(outputs, cotangents, strict=True) if y.requires_grad]
        if not reached:
            return [None] * len(targets)
        ends, weights_of_ends = zip(*reached, strict=True)
        return torch.autograd.grad(ends, targets, weights_of_ends, allow_unused=True)

    def finish(function):
        def step():
            output = function(*inputs)
            gradients = gradients_of(flat(output))
            return output, gradients[: len(floating)], gradients[len(floating) :]

        return step

    return _program(apply, finish, mode)


def wait(results: Any) -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def use_cache(folder: Path) -> None:
    os.environ |= {"TORCHINDUCTOR_CACHE_DIR": str(folder), "TRITON_CACHE_DIR": str(folder / "triton")}
    torch._dynamo.reset()
    torch._inductor.utils.clear_caches()


def peak_memory(program: Program) -> int | None:
    if not torch.cuda.is_available():
        return None
    wait(None)
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    wait(program.run())
    return torch.cuda.max_memory_allocated() - before


def attention(program: Program) -> str | None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], acc_events=True) as profile:
        wait(program.run())
    ran = " ".join(event.key for event in profile.key_averages())
    return next((kernel for kernel in FUSED if f"::_scaled_dot_product_{kernel}_attention" in ran), "unfused")


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def _pure(model: Model, training: bool | None):
    """Returns `apply(*inputs) -> output` with the weights; Dynamo takes them as arguments of its graphs."""
    if isinstance(model, Native):
        weights = [weight.requires_grad_() for weight in model.weights]
        return (lambda *inputs: model.function(weights, *inputs)), weights
    options = call_options(training)
    return (lambda *inputs: model(*inputs, **options)), [v.value for v in model.trainable_variables]


def _program(apply, finish, mode: str) -> Program:
    if mode == "eager":
        return Program(run=finish(apply))
    compiled = _Compiled(apply, finish)
    return Program(run=compiled.run, traces=lambda: counters["stats"]["unique_graphs"], compile=compiled.compile)


class _Compiled:
    """A step compiled at its first use, as users compile: where Dynamo breaks the graph, the breaks are counted."""

    def __init__(self, apply, finish):
        self.apply = apply
        self.finish = finish
        self.step = None

    def run(self):
        if self.step is None:
            self.compile()
        return self.step()

    def compile(self) -> Compilation:
        self.finish(self.apply)()  # Keras notes the first call of a layer, which would cost a second compilation
        torch._dynamo.reset()
        counters.clear()
        start = time.perf_counter()
        self.step = self.finish(torch.compile(self.apply, dynamic=False))
        wait(self.step())
        total = time.perf_counter() - start
        spent = calculate_time_spent()
        backend, backward = (spent.get(f"{part}_compile", 0.0) for part in ("backend", "entire_backward"))
        trace = spent.get("entire_frame_compile", 0.0) - backend
        compile = backend + backward
        phases = {"trace": trace, "compile": compile, "first_run": total - trace - compile}
        return Compilation(phases, counters["stats"]["unique_graphs"], sum(counters["graph_break"].values()))
