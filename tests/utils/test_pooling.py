"""Both forms of the pooling against NumPy, and which one is taken where."""

import keras
import numpy as np
import pytest
from keras import ops
from keras.ops import convert_to_numpy as numpy

from dl_techniques._keras_layers import MaxPooling2D
from dl_techniques.utils.pooling import max_pool2d
from tests._frameworks import value_and_gradients
from tests.oracles.compare import values

BACKEND = keras.backend.backend()
CASES = {
    "windows side by side": ((2, 6, 4, 3), (3, 2), (3, 2), "valid"),
    "padding that adds nothing": ((2, 4, 4, 3), (2, 2), (2, 2), "same"),
    "windows that overlap": ((2, 7, 5, 2), (3, 3), (2, 2), "valid"),
    "some pixels left": ((1, 5, 7, 2), (2, 2), (2, 2), "valid"),
    "some pixels short": ((1, 5, 7, 2), (2, 2), (2, 2), "same"),
}


def oracle(x, cotangent, size, strides):
    """The largest pixel of each window, and where the gradient goes: to the first of them."""
    y, gradient = np.empty(cotangent.shape, x.dtype), np.zeros_like(x)
    for b, i, j, c in np.ndindex(*y.shape):
        top, left = i * strides[0], j * strides[1]
        window = x[b, top : top + size[0], left : left + size[1], c]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        y[b, i, j, c] = window[row, column]
        gradient[b, top + row, left + column, c] += cotangent[b, i, j, c]
    return y, gradient


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients(case, jit):
    shape, *options = CASES[case]
    assert_pools(values(*shape), *options, jit)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", ["windows side by side", "padding that adds nothing"])
def test_the_first_of_equal_pixels_has_the_gradient(case, jit):
    """Of padded windows TensorFlow with XLA takes another one."""
    shape, *options = CASES[case]
    assert_pools(np.maximum(np.round(values(*shape)), 0), *options, jit)


def assert_pools(x, size, strides, padding, jit):
    layer, shape = MaxPooling2D(size, strides, padding), x.shape
    layer.build(shape)
    cotangent = values(*layer.compute_output_shape(shape), seed=1)
    (y,), (gradient,) = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    expected, expected_gradient = oracle(x, cotangent, size, strides)
    np.testing.assert_array_equal(numpy(y), expected)
    np.testing.assert_allclose(numpy(gradient), expected_gradient, rtol=1e-6, atol=1e-6)


def test_nan_wins_where_it_is_compiled():
    """TensorFlow's own pooling passes over NaN, and Keras takes that outside of XLA."""
    x = np.float32([[[1], [np.nan], [2], [3]], [[0], [1], [np.nan], [np.nan]]])[None]
    (y,), _ = value_and_gradients(MaxPooling2D(2), [x], [np.ones((1, 1, 2, 1), "float32")], training=True, jit=True)
    assert np.isnan(numpy(y)).all()


def test_a_functional_model_loads_without_custom_objects(tmp_path):
    inputs = keras.Input((5, 4, 3))
    model = keras.Model(inputs, MaxPooling2D(2, padding="same")(inputs))
    model.save(tmp_path / "model.keras")
    loaded, x = keras.saving.load_model(tmp_path / "model.keras"), values(2, 5, 4, 3)
    np.testing.assert_array_equal(numpy(loaded(x)), numpy(model(x)))


@pytest.mark.skipif(BACKEND != "jax", reason="only JAX shows what it gives to the compiler as text")
def test_xla_compares_pixels_on_a_cpu_and_pools_elsewhere(monkeypatch):
    import jax

    def traced(pool_size):
        return str(jax.make_jaxpr(lambda x: max_pool2d(x, pool_size, (2, 2)))(ops.ones((1, 4, 4, 2))))

    assert "reduce_window" not in traced((2, 2))
    assert "reduce_window" in traced((3, 3))
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    assert "reduce_window" in traced((2, 2))
