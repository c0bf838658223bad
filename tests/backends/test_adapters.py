import importlib
import inspect
import os
import time
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import backends
from backends import protocol
from backends.environment import environment
from backends.protocol import Program

adapter = backends.active()
adapter.pin_precision("ieee")
BACKEND = os.environ["KERAS_BACKEND"]
random = np.random.default_rng(3)


def tensor(*shape):
    return adapter.tensor(random.standard_normal(shape).astype("float32"), "float32")


def small_layer():
    layer = keras.layers.Dense(3, activation="tanh")
    layer.build((4, 5))
    return layer


def public_names(module):
    return {name for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_"} - {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", module.__name__) != module.__name__
    }


def wanted_functions():
    return {
        name: value for name, value in vars(protocol.Adapter).items() if inspect.isfunction(value) and name[0] != "_"
    }


def test_the_adapter_has_the_functions_of_the_protocol_with_their_signatures():
    assert public_names(adapter) == set(wanted_functions())
    for name, wanted in wanted_functions().items():
        actual = inspect.signature(getattr(adapter, name))
        expected = inspect.signature(wanted)
        parameters = [p for p in expected.parameters.values() if p.name != "self"]
        assert actual == expected.replace(parameters=parameters), name
    assert isinstance(adapter.COMPILES_FIRST, bool)
    assert {"eager", "jit"} <= set(adapter.MODES)


def test_the_native_modules_have_the_same_functions():
    sources = [importlib.resources.files("backends.native").joinpath(f"{name}.py") for name in backends.NAMES]
    functions = [
        {line.split("->")[0] for line in source.read_text().splitlines() if line.startswith("def ") and line[4] != "_"}
        for source in sources
    ]
    assert functions[0] == functions[1] == functions[2]
    assert functions[0], "no functions found"


@pytest.mark.parametrize("mode", adapter.MODES)
def test_forward_gives_what_the_layer_gives(mode):
    layer, x = small_layer(), tensor(4, 5)
    output = adapter.forward(layer, [x], mode).run()
    np.testing.assert_allclose(adapter.array(output), adapter.array(layer(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", adapter.MODES)
def test_a_layer_is_told_of_training_only_on_demand(mode):
    class TrainsUnlessTold(keras.layers.Layer):
        def call(self, inputs, training=True):
            return inputs * (2.0 if training else 1.0)

    layer, x = TrainsUnlessTold(), tensor(4, 5)
    layer.build((4, 5))
    untold, told = (adapter.forward(layer, [x], mode, **options).run() for options in ({}, {"training": False}))
    assert adapter.array(untold).tolist() == (2 * adapter.array(x)).tolist()
    assert adapter.array(told).tolist() == adapter.array(x).tolist()


@pytest.mark.parametrize("mode", adapter.MODES)
def test_gradients_equal_finite_differences(mode):
    layer, x, cotangent = small_layer(), tensor(4, 5), tensor(4, 3)
    kernel, bias = layer.get_weights()
    _, (input_gradient,), weight_gradients = adapter.backward(layer, [x], cotangent, mode).run()[:3]
    gradients = [adapter.array(g) for g in (input_gradient, *weight_gradients)]
    points = [a.astype("float64") for a in (adapter.array(x), kernel, bias)]

    def loss(x, kernel, bias):
        return np.sum(np.tanh(x @ kernel + bias) * adapter.array(cotangent))

    for index, gradient in enumerate(gradients):
        direction = random.standard_normal(points[index].shape)
        ahead, behind = list(points), list(points)
        ahead[index] = points[index] + 1e-6 * direction
        behind[index] = points[index] - 1e-6 * direction
        slope = (loss(*ahead) - loss(*behind)) / 2e-6
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_integer_inputs_have_no_gradient():
    layer = keras.layers.Embedding(7, 3)
    layer.build((2, 4))
    tokens = adapter.tensor(np.array([[0, 1, 2, 3], [3, 4, 5, 6]]), "int32")
    _, input_gradients, (table_gradient,) = adapter.backward(layer, [tokens], tensor(2, 4, 3), "eager").run()[:3]
    assert list(input_gradients) == []
    assert table_gradient is not None


@pytest.mark.parametrize("mode", [mode for mode in adapter.MODES if mode != "eager"])
def test_a_compiled_step_does_not_trace_again(mode):
    program = adapter.backward(small_layer(), [tensor(4, 5)], tensor(4, 3), mode)
    adapter.wait(program.run())
    adapter.wait(program.run())
    traced = program.traces()
    for _ in range(3):
        adapter.wait(program.run())
    assert program.traces() == traced > 0


@pytest.mark.parametrize("mode", [mode for mode in adapter.MODES if mode != "eager"])
def test_compiling_tells_its_phases_apart(mode, tmp_path):
    adapter.use_cache(tmp_path)
    start = time.perf_counter()
    compilation = adapter.backward(small_layer(), [tensor(4, 5)], tensor(4, 3), mode).compile()
    elapsed = time.perf_counter() - start
    assert set(compilation.phases) <= {"trace", "lower", "compile", "first_run"}
    assert {"trace", "compile"} <= set(compilation.phases)
    assert all(seconds >= 0 for seconds in compilation.phases.values())
    assert sum(compilation.phases.values()) <= elapsed
    assert (compilation.graphs, compilation.graph_breaks) == (1, 0)


@pytest.mark.parametrize("mode", [mode for mode in adapter.MODES if mode != "eager"])
def test_a_step_that_computes_nothing_compiles(mode, tmp_path):
    adapter.use_cache(tmp_path)
    layer = keras.layers.Identity()
    layer.build((4, 5))
    compilation = adapter.forward(layer, [tensor(4, 5)], mode).compile()
    assert compilation.graphs in (0, 1)
    assert all(seconds >= 0 for seconds in compilation.phases.values())


def test_eager_programs_have_nothing_to_compile():
    program = adapter.forward(small_layer(), [tensor(4, 5)], "eager")
    assert program.traces() == 0
    with pytest.raises(ValueError, match="eager mode"):
        program.compile()


def test_weights_are_arguments_not_constants():
    layer, x = small_layer(), tensor(4, 5)
    layer.set_weights([np.zeros((5, 3)), np.ones(3)])
    output = adapter.array(adapter.forward(layer, [x], "jit").run())
    np.testing.assert_allclose(output, np.tanh(1.0) * np.ones((4, 3)), rtol=1e-6)


def test_state_that_training_changes_does_not_leak_tracers():
    layer = keras.layers.BatchNormalization()
    layer.build((8, 3))
    x = tensor(8, 3)
    for _ in range(2):
        adapter.wait(adapter.backward(layer, [x], tensor(8, 3), "eager").run())
    adapter.wait(adapter.forward(layer, [x], "eager").run())
    assert all(np.isfinite(weight).all() for weight in layer.get_weights())


@pytest.mark.skipif("gpu" in adapter.devices(), reason="a GPU computes this faster than it is read; test_on_gpu")
def test_waiting_waits():
    """A product of 1500 x 1500 matrices takes 20 ms or more; enqueueing many of them and waiting takes all of it."""
    size, repeats = 1500, 8
    native = importlib.import_module(f"backends.native.{BACKEND}")
    core = native.matmul([random.standard_normal((size, size)).astype("float32")], "float32")
    program = adapter.forward(core, [tensor(size, size)], "jit")
    adapter.wait(program.run())
    start = time.perf_counter()
    for _ in range(repeats):
        result = program.run()
    adapter.wait(result)
    waited = time.perf_counter() - start
    start = time.perf_counter()
    adapter.array(result)
    read = time.perf_counter() - start
    assert read < waited / 2, "reading the result took as long as computing it: the wait came back too early"


def test_bfloat16_travels():
    x = adapter.tensor(np.array([1.0, 2.5]), "bfloat16")
    assert adapter.array(x).tolist() == [1.0, 2.5]


def test_a_cpu_process_sees_no_gpu(tmp_path):
    assert environment(BACKEND, "cpu", threads=2, cache=tmp_path)["CUDA_VISIBLE_DEVICES"] == ""
    assert "CUDA_VISIBLE_DEVICES" not in environment(BACKEND, "gpu", threads=2, cache=tmp_path)
    assert "cpu" in adapter.devices()


@pytest.mark.parametrize("present", [["cpu"], ["cpu", "gpu"]])
def test_devices_are_those_of_the_framework(monkeypatch, present):
    def of_jax(platform):
        if platform not in present:
            raise RuntimeError(f"Unknown backend: '{platform}' requested")
        return [platform]

    def of_tensorflow():
        return [SimpleNamespace(device_type=name.upper()) for name in (*present, "xla_cpu")]

    owner, name, fake = {
        "jax": lambda: (adapter.jax, "devices", of_jax),
        "tensorflow": lambda: (adapter.tf.config, "list_physical_devices", of_tensorflow),
        "torch": lambda: (adapter.torch.cuda, "is_available", lambda: "gpu" in present),
    }[BACKEND]()
    monkeypatch.setattr(owner, name, fake)
    assert adapter.devices() == present


def test_tensors_lie_where_keras_computes():
    x = tensor(4, 5)
    assert adapter.device_of(x) == adapter.device_of(small_layer()(x)) in adapter.devices()


def test_the_attention_kernel_is_told():
    native = importlib.import_module(f"backends.native.{BACKEND}")
    layer = keras.layers.MultiHeadAttention(num_heads=2, key_dim=8)
    layer.build((2, 6, 16), (2, 6, 16))
    attention, x = native.attention(layer.get_weights(), "float32"), tensor(2, 6, 16)
    steps = {"eager": (attention, [x]), "jit": (attention, [x]), "no attention": (small_layer(), [tensor(4, 5)])}
    told = {
        name: adapter.attention(adapter.forward(*step, name.replace("no attention", "jit")))
        for name, step in steps.items()
    }
    in_jit = adapter.attention(adapter.backward(attention, [x], tensor(2, 6, 16), "jit"))
    kernel = "efficient" if "gpu" in adapter.devices() else "flash"  # on a GPU flash attention is for half precision
    assert (told | {"backward": in_jit}) == {
        "tensorflow": dict.fromkeys(("eager", "jit", "no attention", "backward")),
        "jax": {"eager": None, "jit": "unfused", "no attention": "unfused", "backward": "unfused"},
        "torch": {"eager": kernel, "jit": kernel, "no attention": "unfused", "backward": kernel},
    }[BACKEND]


@pytest.mark.skipif(BACKEND != "jax", reason="only XLA's program is read")
def test_the_kernel_of_cudnn_is_found_in_the_compiled_program():
    text = 'custom-call(%q, %k, %v), custom_call_target="__cudnn$fmhaSoftmax"'
    program = Program(run=lambda: None, executable=lambda: SimpleNamespace(as_text=lambda: text))
    assert adapter.attention(program) == "cudnn"


def test_what_jax_plans_to_need_is_counted_without_tracing_again():
    if BACKEND != "jax":
        assert "gpu" in adapter.devices() or adapter.peak_memory(Program(run=lambda: None)) is None
        return
    layer, x = keras.layers.Dense(300, use_bias=False), tensor(200, 100)
    layer.build(x.shape)
    program = adapter.forward(layer, [x], "jit")
    adapter.wait(program.run())
    assert 200 * 300 * 4 <= adapter.peak_memory(program) < 4 * 200 * 300 * 4
    assert program.traces() == 1
    assert adapter.peak_memory(adapter.forward(layer, [x], "eager")) is None


def test_out_of_memory_is_told_from_other_errors():
    assert adapter.is_out_of_memory(MemoryError())
    assert not adapter.is_out_of_memory(ValueError("shape"))


def test_an_unknown_backend_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    with pytest.raises(ValueError, match=r"tensorflow, jax, torch.*'theano'"):
        backends.active()


def test_precision_is_pinned_and_read_back():
    """A GPU would otherwise compute float32 products with ten bits on some backends and not on others."""
    before = adapter.facts("cpu")
    try:
        told = []
        for precision in ("tf32", "ieee"):
            adapter.pin_precision(precision)
            told.append(adapter.facts("cpu"))
            if BACKEND == "torch":  # Inductor reads these on a GPU, and they must not contradict the newer ones
                older = (adapter.torch.backends.cudnn.allow_tf32, adapter.torch.backends.cuda.matmul.allow_tf32)
                assert older == (precision == "tf32",) * 2
    finally:
        adapter.pin_precision("ieee")
    changed = {name for name in before if told[0][name] != told[1][name]}
    assert (
        changed
        == {
            "tensorflow": {"tf32"},
            "jax": {"matmul_precision"},
            "torch": {"matmul_precision", "convolution_precision"},
        }[BACKEND]
    )
