import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy
from scipy.interpolate import BSpline

from dl_techniques.layers import KANLinear
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, assert_same_function, output, randomized, values, weights_of
from tests.oracles.kan import kan_linear, knots

WEIGHTS = ("base_weight", "spline_weight", "spline_scaler")
GRIDS = [
    {"grid_size": 5, "spline_order": 3},
    {"grid_size": 2, "spline_order": 1},
    {"grid_size": 5, "spline_order": 4, "grid_range": (-0.5, 3.0)},
]
each_grid = pytest.mark.parametrize("grid", GRIDS, ids=str)


def splines(coefficients, **grid):
    """A layer of one input that is its splines alone: one output for each column of coefficients."""
    coefficients = np.reshape(coefficients, (len(coefficients), 1, -1))
    layer = KANLinear(1, coefficients.shape[-1], **grid)
    layer.build((None, 1))
    layer.base_weight.assign(np.zeros(layer.base_weight.shape))
    layer.spline_weight.assign(coefficients)
    return layer


@each_grid
def test_basis(grid):
    """And coefficients at the Greville points, which are those of the identity."""
    order, size = grid["spline_order"], grid["grid_size"] + grid["spline_order"] - 1
    t = knots(grid["grid_size"], order, *grid.get("grid_range", (-1.0, 1.0)))
    low, high = t[order], t[-1 - order]
    x = np.concatenate([np.linspace(low, high, 50), t[order:-order]]).astype("float32")
    greville = [[t[m + 1 : m + order + 1].mean()] for m in range(size)]
    found = output(splines(np.hstack([np.eye(size), greville]), **grid), x[:, None])
    basis, identity = found[:, :-1], found[:, -1]

    exact = BSpline.design_matrix(np.clip(x.astype("float64"), low, high), t, order).toarray()
    np.testing.assert_allclose(basis, exact, rtol=0, atol=2e-6)
    np.testing.assert_allclose(basis.sum(axis=1), 1, rtol=1e-6)
    assert basis.min() >= 0
    assert np.count_nonzero(basis, axis=1).max() <= order + 1
    np.testing.assert_allclose(identity, x, rtol=0, atol=2e-6)


def test_oracle():
    """Some of the inputs lie outside of the grid."""
    assert_same_function(KANLinear(3, 2), kan_linear, values(4, 3), WEIGHTS)


def test_oracle_of_another_grid():
    layer = KANLinear(3, 2, grid_size=4, spline_order=2, grid_range=(-1.5, 2.5), activation="tanh")
    settings = {"grid_size": 4, "order": 2, "low": -1.5, "high": 2.5, "activation": np.tanh}
    assert_same_function(layer, lambda *given: kan_linear(*given, **settings), values(4, 3), WEIGHTS)


def test_more_axes():
    layer, x = randomized(KANLinear(3, 2), (2, 2, 3)), values(2, 2, 3)
    expected = kan_linear(x.reshape(4, 3).astype("float64"), *weights_of(layer))
    assert_accurate(output(layer, x), expected.reshape(2, 2, 2))


def test_training_changes_nothing():
    layer, x = randomized(KANLinear(3, 2), (4, 3)), values(4, 3)
    np.testing.assert_array_equal(output(layer, x, training=True), output(layer, x, training=False))


def test_empty_batch():
    assert output(KANLinear(3, 2), values(0, 3)).shape == (0, 2)


def test_outside_of_the_grid_a_spline_is_constant():
    """And the slope at its ends is that inside, on every backend."""
    layer = splines([3.0, 0.0, 1.0], grid_size=3, spline_order=1)
    x = np.float32([-9, -1, -0.5, 0.5, 1, 9])[:, None]
    (y,), gradients = value_and_gradients(layer, [x], [np.ones_like(x)], training=True, jit=True)
    np.testing.assert_allclose(numpy(y).ravel(), [3, 3, 1.5, 0.5, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(numpy(gradients[0]).ravel(), [0, -3, -3, 1, 1, 0], rtol=1e-6)


def test_not_a_number_stays_that():
    x = values(4, 3)
    x[1, 2] = np.nan
    found = output(randomized(KANLinear(3, 2), x.shape), x)
    np.testing.assert_array_equal(np.isnan(found), [[False] * 2, [True] * 2, [False] * 2, [False] * 2])


def test_initial_weights():
    layers = [KANLinear(64, 48), KANLinear(64, 48)]
    for layer in layers:
        layer.build((None, 64))
    base, spline, scaler = weights_of(layers[0])
    assert spline.shape == (5 + 3 - 1, 64, 48)
    assert np.std(spline) == pytest.approx(0.1, rel=0.02)
    assert np.all(scaler == 1)
    limit = np.sqrt(6 / (64 + 48))
    assert 0.99 * limit < np.abs(base).max() <= limit
    assert not np.array_equal(spline, weights_of(layers[1])[1])


def test_regularizers():
    layer = randomized(KANLinear(3, 2), (4, 3))
    base, spline, _ = weights_of(layer)
    assert float(numpy(sum(layer.losses))) == pytest.approx(0.01 * (np.sum(base**2) + np.sum(spline**2)), rel=1e-5)
    without = randomized(KANLinear(3, 2, kernel_regularizer=None, spline_regularizer=None), (4, 3))
    assert not without.losses
