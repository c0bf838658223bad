"""Which form of the depthwise convolution is taken; what it computes is tested with the layer."""

import keras
import pytest
from keras import ops

from dl_techniques.utils.depthwise import depthwise_conv2d
from tests.oracles.compare import values

BACKEND = keras.backend.backend()
X, KERNEL = values(2, 7, 6, 3), values(3, 2, 3, 1)
NATIVE = {"jax": "conv_general_dilated", "tensorflow": "DepthwiseConv2dNative"}


def traced(x, *, jit: bool = True) -> str:
    """What a compiler is given."""
    if BACKEND == "jax":
        import jax

        return str(jax.make_jaxpr(lambda x: depthwise_conv2d(x, KERNEL))(x))
    import tensorflow as tf

    graph = tf.function(depthwise_conv2d, jit_compile=jit, autograph=False).get_concrete_function(x, KERNEL).graph
    return " ".join(operation.type for operation in graph.get_operations())


@pytest.mark.skipif(BACKEND == "torch", reason="XLA is not for torch")
def test_xla_is_given_products_for_a_cpu_and_a_convolution_elsewhere(monkeypatch):
    x = ops.convert_to_tensor(X)
    assert NATIVE[BACKEND] not in traced(x)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    assert NATIVE[BACKEND] in traced(x)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow has graphs that XLA does not compile")
def test_a_graph_without_xla_keeps_the_convolution():
    assert NATIVE[BACKEND] in traced(ops.convert_to_tensor(X), jit=False)


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX differentiates without tracing")
def test_operations_one_by_one_keep_the_convolution(monkeypatch):
    import jax

    monkeypatch.setattr("dl_techniques.utils.depthwise._sum_of_products", None)
    depthwise_conv2d(X, KERNEL)
    jax.vjp(lambda x: depthwise_conv2d(x, KERNEL), X)


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX tells how many operations XLA planned")
def test_nothing_is_computed_anew_for_each_product_that_it_goes_into():
    import jax

    def loss(x, kernel):
        return ops.sum(ops.square(ops.relu(depthwise_conv2d(x, kernel, padding="same"))))

    x, kernel = ops.ones((2, 8, 8, 4)), ops.ones((5, 5, 4, 1))
    step = jax.jit(jax.grad(loss, argnums=(0, 1))).lower(x, kernel).compile()
    three_convolutions = 3 * 2 * 25 * 2 * 8 * 8 * 4
    assert step.cost_analysis()["flops"] < 2 * three_convolutions
