"""The adapter for JAX; see `backends.protocol`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax.experimental.compilation_cache import compilation_cache

from backends.protocol import Compilation, Model, Native, Program, Tensor, call_options

MODES = ("eager", "jit")
COMPILES_FIRST = False


def devices() -> list[str]:
    return [device for device in ("cpu", "gpu") if _has(device)]


def device_of(tensor: Tensor) -> str:
    (device,) = tensor.devices()
    return "cpu" if device.platform == "cpu" else "gpu"


def facts(device: str) -> dict[str, Any]:
    return {
        "backend_version": jax.__version__,
        "device_name": jax.devices()[0].device_kind,
        "matmul_precision": jax.config.values["jax_default_matmul_precision"],
    }


def pin_precision(precision: str) -> None:
    jax.config.update("jax_default_matmul_precision", "highest" if precision == "ieee" else "tensorfloat32")


def tensor(array: np.ndarray, dtype: str) -> Tensor:
    return jax.block_until_ready(jnp.asarray(array, dtype))


def array(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.astype("float32") if tensor.dtype == jnp.bfloat16 else tensor)


def forward(model: Model, inputs: Sequence[Tensor], mode: str, *, training: bool | None = None) -> Program:
    apply, weights, state = _pure(model, training)

    def step(weights, state, inputs):
        return apply(weights, state, inputs)[0]

    return _program(step, (weights, state, list(inputs)), mode)


def backward(
    model: Model, inputs: Sequence[Tensor], cotangent: Tensor, mode: str, *, training: bool = True
) -> Program:
    apply, weights, state = _pure(model, training)

    def step(weights, state, inputs, cotangent):
        floating = [x for x in inputs if jnp.issubdtype(x.dtype, jnp.floating)]

        def differentiable(weights, floating):
            remaining = iter(floating)
            all_inputs = [next(remaining) if jnp.issubdtype(x.dtype, jnp.floating) else x for x in inputs]
            return apply(weights, state, all_inputs)

        output, pullback, new_state = jax.vjp(differentiable, weights, floating, has_aux=True)
        weight_gradients, input_gradients = pullback(cotangent)
        return output, input_gradients, weight_gradients, new_state

    return _program(step, (weights, state, list(inputs), cotangent), mode)


def wait(results: Any) -> None:
    jax.block_until_ready(results)


def use_cache(folder: Path) -> None:
    jax.clear_caches()
    jax.config.update("jax_compilation_cache_dir", str(folder))
    compilation_cache.reset_cache()


def peak_memory(program: Program) -> int | None:
    """What XLA planned; JAX itself keeps one peak for the life of the process, which tells nothing of a step."""
    planned = program.executable().memory_analysis() if program.executable else None
    return planned.temp_size_in_bytes + planned.output_size_in_bytes if planned else None


def attention(program: Program) -> str | None:
    if program.executable is None:
        return None
    return "cudnn" if "__cudnn$fmha" in program.executable().as_text() else "unfused"


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def _has(device: str) -> bool:
    try:
        return bool(jax.devices(device))
    except RuntimeError:  # its way to say no
        return False


def _pure(model: Model, training: bool | None):
    """Returns `apply(weights, state, inputs) -> (output, new state)` with the values of weights and state."""
    if isinstance(model, Native):
        return (lambda weights, state, inputs: (model.function(weights, *inputs), state)), model.weights, []
    options = call_options(training)
    trainable, other = model.trainable_variables, model.non_trainable_variables

    def apply(weights, state, inputs):
        mapping = [*zip(trainable, weights, strict=True), *zip(other, state, strict=True)]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            output = model(*inputs, **options)
        return output, [scope.get_current_value(variable) for variable in other]

    return apply, [v.value for v in trainable], [v.value for v in other]


def _program(step, arguments: tuple, mode: str) -> Program:
    if mode == "eager":
        return Program(run=lambda: step(*arguments))
    traces = 0

    def counted(*arguments):
        nonlocal traces
        traces += 1
        return step(*arguments)

    jitted = jax.jit(counted)

    def compile() -> Compilation:
        nonlocal jitted
        jitted = jax.jit(counted)  # its calls find what is compiled here
        start = time.perf_counter()
        traced = jitted.trace(*arguments)
        after_trace = time.perf_counter()
        lowered = traced.lower()
        after_lower = time.perf_counter()
        lowered.compile()
        after_compile = time.perf_counter()
        wait(jitted(*arguments))
        end = time.perf_counter()
        phases = {
            "trace": after_trace - start,
            "lower": after_lower - after_trace,
            "compile": after_compile - after_lower,
            "first_run": end - after_compile,
        }
        return Compilation(phases, graphs=1, graph_breaks=0)

    return Program(
        run=lambda: jitted(*arguments),
        traces=lambda: traces,
        compile=compile,
        executable=lambda: jitted.lower(*arguments).compile(),
    )
