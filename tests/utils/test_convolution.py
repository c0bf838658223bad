"""Every form of the convolution against SciPy, and which one is taken where."""

import keras
import numpy as np
import pytest
from keras import ops
from keras.ops import convert_to_numpy as numpy

from dl_techniques._keras_layers import Conv2D
from dl_techniques.utils.convolution import conv2d
from tests._frameworks import value_and_gradients
from tests.oracles.compare import GRADIENT_UNITS, assert_accurate, central_differences, randomized, values
from tests.oracles.convolution import cross_correlation

BACKEND = keras.backend.backend()
CASES = {
    "windows that overlap": ((2, 6, 5, 3), (4, 3), {"padding": "same"}),
    "windows side by side": ((2, 6, 4, 3), (4, (3, 2)), {"strides": (3, 2)}),
    "padding that adds nothing": ((1, 4, 6, 2), (3, 2), {"strides": 2, "padding": "same"}),
    "windows side by side, some pixels left": ((1, 7, 4, 3), (2, 2), {"strides": 2}),
    "windows side by side, some pixels short": ((1, 7, 4, 3), (2, 2), {"strides": 2, "padding": "same"}),
    "single pixels": ((2, 3, 4, 5), (3, 1), {}),
    "groups": ((2, 5, 4, 6), (9, 3), {"groups": 3, "padding": "same"}),
    "groups of windows side by side": ((1, 4, 4, 4), (2, 2), {"groups": 2, "strides": 2}),
    "one filter": ((2, 6, 5, 2), (1, 3), {"padding": "same"}),
    "one filter, one image": ((1, 5, 4, 6), (1, 3), {"strides": 2, "padding": "same"}),
    "one filter a group": ((1, 5, 4, 6), (3, 3), {"groups": 3}),
}


def oracle(x, kernel, bias, *, strides, padding, groups):
    images, kernels = np.split(x, groups, axis=-1), np.split(kernel, groups, axis=-1)
    pairs = zip(images, kernels, strict=True)
    return np.concatenate([cross_correlation(a, k, strides, padding) for a, k in pairs], axis=-1) + bias


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", CASES)
def test_formula_and_gradients(case, jit):
    shape, (filters, size), options = CASES[case]
    layer, x = randomized(Conv2D(filters, size, **options), shape), values(*shape)
    how = {"strides": layer.strides, "padding": layer.padding, "groups": layer.groups}
    arguments = [array.astype("float64") for array in (x, *map(numpy, layer.trainable_weights))]
    expected = oracle(*arguments, **how)
    cotangent = values(*expected.shape, seed=99)
    (found,), gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    assert_accurate(numpy(found), expected)
    for index, gradient in enumerate(gradients):
        slopes = central_differences(lambda *a: oracle(*a, **how), arguments, index, cotangent)
        assert_accurate(numpy(gradient), slopes, GRADIENT_UNITS)


def test_unknown_image_size():
    layer = Conv2D(4, 2, strides=2)
    assert layer(keras.Input((None, None, 3))).shape == (None, None, None, 4)


def convolutions(*kernel_shape, jit: bool = True, **options) -> int:
    """How many of the framework's convolutions a compiler is given."""
    x, kernel = ops.ones((2, 8, 8, 6)), ops.ones(kernel_shape)
    if BACKEND == "jax":
        import jax

        return str(jax.make_jaxpr(lambda x: conv2d(x, kernel, **options))(x)).count(" conv_general_dilated[")
    import tensorflow as tf

    function = tf.function(lambda x: conv2d(x, kernel, **options), jit_compile=jit, autograph=False)
    return [operation.type for operation in function.get_concrete_function(x).graph.get_operations()].count("Conv2D")


@pytest.mark.skipif(BACKEND == "torch", reason="torch is fast with its own convolutions")
def test_the_form_for_a_cpu(monkeypatch):
    assert convolutions(3, 3, 6, 4) == 1
    assert convolutions(3, 3, 3, 4) == 2
    assert convolutions(2, 2, 6, 4, strides=(2, 2)) == convolutions(1, 1, 6, 4) == convolutions(3, 3, 6, 1) == 0
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    assert convolutions(1, 1, 6, 4) == convolutions(3, 3, 6, 1) == 1
    if BACKEND == "jax":  # Keras itself has a special form for groups in graphs of TensorFlow.
        assert convolutions(3, 3, 3, 4) == 1


@pytest.mark.skipif(BACKEND != "tensorflow", reason="only TensorFlow has graphs that XLA does not compile")
def test_a_graph_without_xla_splits_groups_alone():
    kernels = [(3, 3, 3, 4), (1, 1, 6, 4), (3, 3, 6, 1)]
    assert [convolutions(*kernel, jit=False) for kernel in kernels] == [2, 1, 1]
