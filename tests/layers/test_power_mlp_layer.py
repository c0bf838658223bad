import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import PowerMLPLayer
from tests._frameworks import value_and_gradients
from tests.oracles.compare import (
    GRADIENT_UNITS,
    assert_accurate,
    central_differences,
    output,
    randomized,
    values,
    weights_of,
)
from tests.oracles.ffn import relu, silu

X = values(4, 3)


def make(**arguments):
    return randomized(PowerMLPLayer(5, **arguments), X.shape)


def power_mlp(k):
    return lambda x, main, bias, basis: relu(x @ main + bias) ** k + silu(x) @ basis


@pytest.mark.parametrize("k", [1, 3, 4])
def test_oracle(k):
    layer, oracle = make(k=k), power_mlp(k)
    arguments = [X.astype("float64"), *weights_of(layer)]
    expected, cotangent = oracle(*arguments), values(4, 5, seed=9)
    (found,), gradients = value_and_gradients(layer, [X], [cotangent], training=True, jit=False)
    assert_accurate(numpy(found), expected)
    for index, gradient in enumerate(gradients):
        assert_accurate(numpy(gradient), central_differences(oracle, arguments, index, cotangent), GRADIENT_UNITS)


def test_power_one_is_two_dense_layers():
    layer = make(k=1)
    main = keras.layers.Dense(5, activation="relu")
    basis = keras.layers.Dense(5, use_bias=False)
    for dense, part in ((main, layer.main_dense), (basis, layer.basis_dense)):
        dense.build(X.shape)
        dense.set_weights(part.get_weights())
    assert_accurate(output(layer, X), output(main, X) + output(basis, numpy(keras.ops.silu(X))))


def test_without_bias():
    layer = make(k=2, use_bias=False)
    main, basis = weights_of(layer)
    assert_accurate(output(layer, X), power_mlp(2)(X.astype("float64"), main, 0, basis))


def test_zero_weights_give_zero():
    layer = make()
    layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    np.testing.assert_array_equal(output(layer, X), 0)


def test_gradients_of_large_inputs_are_finite():
    layer, x = make(), np.float32([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4]])
    (y,), gradients = value_and_gradients(layer, [x], [values(2, 5)], training=True, jit=True)
    for value in (y, *gradients):
        assert np.all(np.isfinite(numpy(value)))


def test_the_default_is_the_cube_and_he_normal():
    layer = PowerMLPLayer(256)
    layer.build((None, 128))
    main, bias, basis = weights_of(layer)
    assert layer.k == 3
    for kernel in (main, basis):
        assert np.std(kernel) == pytest.approx(np.sqrt(2 / 128), rel=0.02)
    assert not bias.any()


def test_regularizers():
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1), bias_regularizer=keras.regularizers.L1(0.2))
    main, bias, basis = weights_of(layer)
    loss = 0.1 * (np.sum(main**2) + np.sum(basis**2)) + 0.2 * np.abs(bias).sum()
    assert float(numpy(sum(layer.losses))) == pytest.approx(loss, rel=1e-5)
