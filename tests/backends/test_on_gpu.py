"""What only a GPU can show. The framework is asked for one; without, nothing here can be tested."""

import importlib
import os
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from keras import ops

import backends
from backends.environment import environment
from bench.run.machine import ROOT

adapter = backends.active()
BACKEND = os.environ["KERAS_BACKEND"]
native = importlib.import_module(f"backends.native.{BACKEND}")
random = np.random.default_rng(5)

pytestmark = pytest.mark.skipif("gpu" not in adapter.devices(), reason="no GPU on this machine")

FASTEST = 5e15  # operations per second that no GPU reaches in float32
PRODUCTS = 10


def tensor(*shape):
    return adapter.tensor(random.standard_normal(shape).astype("float32"), "float32")


class ManyProducts(keras.layers.Layer):
    """Takes long to compute and little to read; fewer operations than JAX enqueues before it waits by itself."""

    def call(self, inputs, training=None):
        x = inputs
        for _ in range(PRODUCTS):
            x = ops.matmul(inputs, x) * 1e-2
        return ops.sum(x, axis=(0, 1))


@pytest.mark.parametrize("mode", adapter.MODES)
def test_waiting_really_waits(mode):
    side = 8192
    layer, x = ManyProducts(), tensor(side, side)
    layer.build(x.shape)
    program = adapter.forward(layer, [x], mode)
    adapter.wait(program.run())
    times = [time.perf_counter()]
    result = program.run()
    times.append(time.perf_counter())
    adapter.wait(result)
    times.append(time.perf_counter())
    adapter.array(result)
    times.append(time.perf_counter())
    enqueued, waited, read = np.diff(times)
    assert enqueued + waited > PRODUCTS * 2 * side**3 / FASTEST, "it ended sooner than any GPU could"
    assert waited > enqueued, "without waiting, a step would seem to take as long as with it"
    assert read < waited / 10, "reading the result took long: the wait came back too early"


def test_what_is_computed_lies_on_the_gpu():
    x = tensor(4, 5)
    layer = keras.layers.Dense(3)
    layer.build(x.shape)
    for mode in adapter.MODES:
        assert adapter.device_of(adapter.forward(layer, [x], mode).run()) == "gpu"


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_device_asked_for_is_the_device_that_runs(device, tmp_path):
    code = (
        "import backends, keras, numpy as np\n"
        "adapter = backends.active()\n"
        "layer = keras.layers.Dense(3); layer.build((2, 4))\n"
        "x = adapter.tensor(np.ones((2, 4)), 'float32')\n"
        "print(adapter.device_of(adapter.forward(layer, [x], 'jit').run()))\n"
        f"print(adapter.facts('{device}')['device_name'])"
    )
    variables = {**os.environ, **environment(BACKEND, device, threads=2, cache=tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran_on, name = done.stdout.splitlines()[-2:]
    assert ran_on == device
    assert (name == "cpu") == (device == "cpu")


def test_memory_counters_count():
    side = 4096
    layer, x = keras.layers.Dense(side, use_bias=False), tensor(side, side)
    layer.build(x.shape)
    program = adapter.forward(layer, [x], "jit")
    adapter.wait(program.run())
    assert side**2 * 4 <= adapter.peak_memory(program) < 3 * side**2 * 4, "the inputs and weights do not count"


@pytest.mark.parametrize("precision", ["ieee", "tf32"])
@pytest.mark.parametrize("core", ["matmul", "conv2d"])
@pytest.mark.parametrize("mode", ["eager", "jit"])
def test_tf32_is_off_unless_asked_for(mode, core, precision):
    """Ten explicit bits of a mantissa instead of 23; with few terms a product shows which."""
    kernel = random.standard_normal((64, 64) if core == "matmul" else (3, 3, 64, 64)).astype("float32")
    images = random.standard_normal((512, 64) if core == "matmul" else (4, 32, 32, 64)).astype("float32")
    bias = [] if core == "matmul" else [np.zeros(64, "float32")]
    try:
        adapter.pin_precision(precision)
        model = getattr(native, core)([kernel, *bias], "float32")
        x = model.layout(adapter.tensor(images, "float32"))
        found = adapter.array(adapter.forward(model, [x], mode).run())
        double = [w.astype("float64") for w in (kernel, images)]
    finally:
        adapter.pin_precision("ieee")
    if core == "matmul":
        exact = double[1] @ double[0]
    else:
        found = found if found.shape == images.shape else np.moveaxis(found, 1, -1)
        padded = np.pad(double[1], ((0, 0), (1, 1), (1, 1), (0, 0)))
        exact = sum(padded[:, i : i + 32, j : j + 32] @ double[0][i, j] for i in range(3) for j in range(3))
    error = np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2))
    low, high = (0, 2.0**-17) if precision == "ieee" else (2.0**-14, 2.0**-9)
    assert low <= error < high, error


@pytest.mark.skipif(BACKEND == "tensorflow", reason="TensorFlow does not tell")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_attention_in_half_precision_is_fused(dtype):
    layer = keras.layers.MultiHeadAttention(num_heads=4, key_dim=64)
    layer.build((2, 128, 256), (2, 128, 256))
    x = adapter.tensor(random.standard_normal((2, 128, 256)).astype("float32"), dtype)
    program = adapter.forward(native.attention(layer.get_weights(), dtype), [x], "jit")
    assert adapter.attention(program) in ("flash", "cudnn")
