import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy
from scipy.special import expit

from dl_techniques.layers import OrthoBlock
from tests._frameworks import value_and_gradients
from tests.oracles import regularizers as oracles
from tests.oracles.compare import GRADIENT_UNITS, assert_accurate, central_differences, output, values, weights_of
from tests.oracles.ffn import layer_norm


def make(units=6, features=8, **arguments):
    layer = OrthoBlock(units, **arguments)
    layer.build((None, features))
    for seed, weight in enumerate(layer.trainable_weights, 1):
        weight.assign(0.5 * values(*weight.shape, seed=seed))
    layer.scale.gamma.assign(np.linspace(0.1, 1, units))
    return layer


def formula(x, kernel, bias, beta, scale):
    y = scale * layer_norm(x @ kernel + bias, 1.0, beta, 1e-6)
    return y * expit(y)


def orthonormality(layer):
    """What the kernel adds to the losses."""
    return sum(float(numpy(loss)) for loss in layer.losses) - 1e-5 * np.sum(np.abs(numpy(layer.scale.gamma.value)))


def test_formula():
    layer, x = make(activation="silu"), values(2, 5, 8)
    assert_accurate(output(layer, x), formula(x.astype("float64"), *weights_of(layer)), units=16)


def test_gradients():
    layer, x, cotangent = make(3, 4, activation="silu"), values(2, 4), values(2, 3, seed=9)
    jit = keras.backend.backend() == "jax"
    _, gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    arguments = [x.astype("float64"), *weights_of(layer)]
    for index, found in enumerate(gradients):
        assert_accurate(numpy(found), central_differences(formula, arguments, index, cotangent), 4 * GRADIENT_UNITS)


def test_without_activation_and_bias():
    layer, x = make(use_bias=False), values(2, 8)
    kernel, beta, scale = weights_of(layer)
    assert_accurate(output(layer, x), scale * layer_norm(x @ kernel, 1.0, beta, 1e-6), units=16)


def test_gains_of_zero_leave_the_activation_of_zero():
    layer = make(activation="sigmoid", scale_initial_value=0.0)
    layer.scale.gamma.assign(np.zeros(6))
    np.testing.assert_array_equal(output(layer, values(2, 8)), 0.5)


@pytest.mark.parametrize(("units", "features"), [(6, 8), (8, 6), (5, 5)])
def test_an_orthonormal_kernel_adds_no_loss(units, features):
    layer = make(units, features, ortho_reg_factor=3.0)
    q = np.linalg.qr(values(max(units, features), min(units, features)))[0]
    layer.dense.kernel.assign(q.T if units > features else q)
    assert orthonormality(layer) == pytest.approx(0, abs=1e-9)
    layer.dense.kernel.assign(2 * numpy(layer.dense.kernel))
    assert orthonormality(layer) == pytest.approx(3.0 * 9 * min(units, features), rel=1e-5)


@pytest.mark.parametrize(("units", "features"), [(6, 8), (8, 6)])
def test_the_loss_is_that_of_the_smaller_side(units, features):
    layer = make(units, features, ortho_reg_factor=0.3)
    kernel = weights_of(layer)[0]
    expected = oracles.soft_orthonormal(kernel.T if units > features else kernel, strength=0.3)
    for training in (False, True):
        layer(values(2, features), training=training)
        assert orthonormality(layer) == pytest.approx(expected, rel=1e-5)


def test_other_regularizers_are_added():
    layer = make(kernel_regularizer=keras.regularizers.L2(0.1), bias_regularizer=keras.regularizers.L1(0.2))
    kernel, bias, *_ = weights_of(layer)
    expected = oracles.soft_orthonormal(kernel, strength=0.01) + 0.1 * np.sum(kernel**2) + 0.2 * np.sum(np.abs(bias))
    assert orthonormality(layer) == pytest.approx(expected, rel=1e-5)


def test_fit_draws_the_kernel_to_orthonormality():
    """One step of gradient descent on nothing but the loss added."""
    layer = make(ortho_reg_factor=0.2)
    kernel, *_, scale = weights_of(layer)
    model = keras.Sequential([keras.Input((8,)), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=lambda y_true, y_pred: 0 * y_pred)
    model.fit(values(4, 8), values(4, 6), batch_size=4, epochs=1, verbose=0)
    expected = kernel - 0.1 * 4 * 0.2 * kernel @ (kernel.T @ kernel - np.eye(6))
    found, *_, gains = weights_of(layer)
    assert_accurate(found, expected)
    np.testing.assert_allclose(gains, np.minimum(scale - 0.1 * 1e-5, 1), rtol=1e-6)


def test_weights():
    layer = OrthoBlock(40, scale_initial_value=0.25)
    layer.build((None, 3, 20))
    assert [tuple(weight.shape) for weight in layer.weights] == [(20, 40), (40,), (40,), (40,)]
    kernel, bias, beta, scale = weights_of(layer)
    assert 0.99 * np.sqrt(6 / 60) < np.abs(kernel).max() <= np.sqrt(6 / 60)
    assert not bias.any()
    assert not beta.any()
    np.testing.assert_array_equal(scale, 0.25)
    assert_accurate(numpy(layer.scale.gamma.constraint(np.float32([-1, 0.5, 2]))), [0, 0.5, 1])


def test_what_is_frozen_has_no_loss():
    layer = make()
    layer.trainable = False
    assert layer.losses == []
