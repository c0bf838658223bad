import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import Mish, SaturatedMish
from dl_techniques.layers.activations import mish, saturated_mish
from tests._frameworks import value_and_gradients
from tests.oracles import activations as oracles
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


def test_mish_oracle():
    assert_same_function(Mish(), oracles.mish, 3 * values(4, 8))


def test_mish_equals_that_of_keras():
    x = 3 * values(4, 8)
    assert_accurate(output(Mish(), x), ops.convert_to_numpy(keras.activations.mish(x)))


def test_mish_known_numbers():
    found = output(Mish(), np.float32([-5, -1, 0, 1, 2, 3]))
    np.testing.assert_allclose(found, [-0.033576, -0.303401, 0, 0.865098, 1.943959, 2.986535], atol=1e-6)


def test_the_lowest_value_of_mish():
    x = np.linspace(-1.4, -1.0, 4001, dtype="float32")
    y = output(Mish(), x)
    np.testing.assert_allclose(y.min(), -0.308843, atol=1e-6)
    np.testing.assert_allclose(x[y.argmin()], -1.19243, atol=2e-3)


@pytest.mark.parametrize(("alpha", "beta"), [(3.0, 0.5), (1.0, 2.0)])
def test_saturated_mish_oracle(alpha, beta):
    layer = SaturatedMish(alpha, beta)
    assert_same_function(layer, lambda x: oracles.saturated_mish(x, alpha=alpha, beta=beta), 3 * values(4, 8))


def test_saturated_mish_known_numbers():
    found = output(SaturatedMish(), np.float32([-1, 0, 1, 2, 3, 4, 5, 10]))
    expected = [-0.302298, 0.007385, 0.903255, 2.068237, 2.986535, 3.107035, 3.022742, 2.986541]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_saturated_mish_peaks_above_its_limit():
    x = np.linspace(3, 4.5, 3001, dtype="float32")
    y = output(SaturatedMish(), x)
    np.testing.assert_allclose(y.max(), 3.12766, atol=1e-5)
    np.testing.assert_allclose(x[y.argmax()], 3.6365, atol=2e-3)


def test_saturated_mish_is_mish_below_and_constant_above():
    below = np.linspace(-5, 5, 101, dtype="float32")
    assert_accurate(output(SaturatedMish(alpha=50.0), below), output(Mish(), below))
    above = np.float32([20, 1e4, 1e10, np.inf])
    np.testing.assert_allclose(output(SaturatedMish(), above), np.full(4, 2.986535), rtol=1e-6)


def test_saturated_mish_with_a_ceiling_too_high_to_raise_e_to():
    assert_accurate(output(SaturatedMish(alpha=5000.0), np.float32([6000.0])), np.array([5000.0]))


@pytest.mark.parametrize("jit", [False, True])
def test_the_gradient_of_saturated_mish_is_finite_everywhere(jit):
    layer = SaturatedMish()
    x = np.float32([-1e10, -1e4, 0, 3, 1e4, 1e10])
    layer.build(x.shape)
    _, (gradient,) = value_and_gradients(layer, [x], [np.ones_like(x)], training=True, jit=jit)
    assert np.all(np.isfinite(ops.convert_to_numpy(gradient)))


@pytest.mark.parametrize("function", [mish, saturated_mish])
def test_the_functions_serve_as_activation_arguments(function, tmp_path):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation=function)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].activation is function
    np.testing.assert_array_equal(output(loaded, values(4, 3)), output(model, values(4, 3)))


@pytest.mark.parametrize("arguments", [{"alpha": 0.0}, {"beta": -1.0}])
def test_the_function_refuses_what_the_layer_refuses(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=rf"`{name}` must be a number > 0\. Received: {name}={value}"):
        saturated_mish(values(3), **arguments)
