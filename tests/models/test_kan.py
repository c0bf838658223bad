import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import KANLinear
from dl_techniques.models import KAN
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.kan import kan_linear

X = values(6, 2)


def test_formula():
    model = randomized(KAN([2, 4, 1], grid_size=4, spline_order=2, grid_range=(-2.0, 1.0)), X.shape)
    expected = X.astype("float64")
    for layer in model.kan_layers:
        expected = kan_linear(expected, *weights_of(layer), grid_size=4, order=2, low=-2.0, high=1.0)
    assert_accurate(output(model, X), expected, units=64)


def test_is_its_layers_one_after_the_other():
    grid = {"grid_size": 4, "spline_order": 2}
    model = randomized(KAN((2, 4, 1), **grid), X.shape)
    chain = keras.Sequential([KANLinear(2, 4, **grid), KANLinear(4, 1, **grid)])
    chain.build(X.shape)
    chain.set_weights(model.get_weights())
    np.testing.assert_array_equal(output(model, X), output(chain, X))
    assert [layer.name for layer in model.layers] == ["kan_layer_0", "kan_layer_1"]


def test_learns_a_sine():
    keras.utils.set_random_seed(0)
    model = KAN([1, 1], kernel_regularizer=None, spline_regularizer=None)
    x = np.linspace(-1, 1, 32, dtype="float32")[:, None]
    y = np.sin(np.pi * x)
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.fit(np.tile(x, (80, 1)), np.tile(y, (80, 1)), batch_size=32, shuffle=False, verbose=0)
    assert np.mean((output(model, x) - y) ** 2) < 1e-3


def test_number_of_weights():
    model = KAN([2, 4, 1], grid_size=4, spline_order=2)
    model.build((None, 2))
    assert model.count_params() == (2 * 4 + 4 * 1) * (4 + 2 - 1 + 2)


def test_regularizers_act_on_all_layers():
    regularizers = {"kernel_regularizer": None, "spline_regularizer": keras.regularizers.L2(0.1)}
    model = randomized(KAN([2, 4, 1], grid_size=4, spline_order=2, **regularizers), X.shape)
    loss = 0.1 * sum(np.sum(weights_of(layer)[1] ** 2) for layer in model.kan_layers)
    assert float(numpy(sum(model.losses))) == pytest.approx(loss, rel=1e-5)


def test_an_input_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"Received: in_features=2, input_shape=\(4, 3\)"):
        KAN([2, 5, 1]).build((4, 3))
