"""The adapter for TensorFlow; see `backends.protocol`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from backends.protocol import Compilation, Model, Native, Program, Tensor, call_options

MODES = ("eager", "graph", "jit")

# The keys of XLA's disk cache hold a serial number that every eager tensor advances, so a later process finds an
# entry again only if both did the same things before.
COMPILES_FIRST = True


def devices() -> list[str]:
    return sorted({device.device_type.lower() for device in tf.config.list_physical_devices()} & {"cpu", "gpu"})


def device_of(tensor: Tensor) -> str:
    return tf.DeviceSpec.from_string(tensor.device).device_type.lower()


def facts(device: str) -> dict[str, Any]:
    physical = tf.config.list_physical_devices(device.upper())[0]
    return {
        "backend_version": tf.__version__,
        "device_name": tf.config.experimental.get_device_details(physical).get("device_name", "cpu"),
        "threads_read_back": tf.config.threading.get_intra_op_parallelism_threads(),
        "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
    }


def pin_precision(precision: str) -> None:
    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")


def tensor(array: np.ndarray, dtype: str) -> Tensor:
    return tf.cast(tf.convert_to_tensor(array), dtype)


def array(tensor: Tensor) -> np.ndarray:
    tensor = tf.convert_to_tensor(tensor)  # the gradient of a lookup is a list of slices
    return (tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor).numpy()


def forward(model: Model, inputs: Sequence[Tensor], mode: str, *, training: bool | None = None) -> Program:
    apply, _ = _pure(model, training)
    return _program(lambda *inputs: apply(inputs), tuple(inputs), mode)


def backward(
    model: Model, inputs: Sequence[Tensor], cotangent: Tensor, mode: str, *, training: bool = True
) -> Program:
    apply, weights = _pure(model, training)

    def step(cotangent, *inputs):
        floating = [x for x in inputs if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floating)
            tape.watch(weights)
            output = apply(inputs)
        input_gradients, weight_gradients = tape.gradient(output, (floating, weights), output_gradients=cotangent)
        return output, input_gradients, weight_gradients

    return _program(step, (cotangent, *inputs), mode)


def wait(results: Any) -> None:
    if tf.config.list_physical_devices("GPU"):
        tf.test.experimental.sync_devices()


def use_cache(folder: Path) -> None:
    """The folder of a TensorFlow process is fixed by its environment; a new tf.function always compiles anew."""


def peak_memory(program: Program) -> int | None:
    if not tf.config.list_physical_devices("GPU"):
        return None
    wait(None)
    tf.config.experimental.reset_memory_stats("GPU:0")
    before = tf.config.experimental.get_memory_info("GPU:0")["current"]
    wait(program.run())
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] - before


def attention(program: Program) -> str | None:
    """Neither TensorFlow nor its XLA tells."""
    return None


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError))


def _pure(model: Model, training: bool | None):
    """Returns `apply(inputs) -> output` with the weights, which a tf.function takes as resource arguments."""
    if isinstance(model, Native):
        variables = [tf.Variable(weight) for weight in model.weights]
        return (lambda inputs: model.function(variables, *inputs)), variables
    options = call_options(training)
    return (lambda inputs: model(*inputs, **options)), [v.value for v in model.trainable_variables]


def _program(step, arguments: tuple, mode: str) -> Program:
    if mode == "eager":
        return Program(run=lambda: step(*arguments))

    def new_function():
        return tf.function(step, jit_compile=mode == "jit", autograph=False)

    function = new_function()

    def compile() -> Compilation:
        nonlocal function
        function = new_function()
        start = time.perf_counter()
        function.get_concrete_function(*arguments)
        after_trace = time.perf_counter()
        wait(function(*arguments))
        end = time.perf_counter()
        phases = {"trace": after_trace - start, "compile": end - after_trace}
        return Compilation(phases, graphs=1, graph_breaks=0)

    return Program(
        run=lambda: function(*arguments),
        traces=lambda: function.experimental_get_tracing_count(),
        compile=compile,
    )
