import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy
from sklearn.metrics.pairwise import rbf_kernel

from dl_techniques.layers import RBFLayer
from tests._frameworks import value_and_gradients
from tests.oracles.compare import (
    GRADIENT_UNITS,
    assert_accurate,
    central_differences,
    output,
    penalty_and_gradient,
    values,
    weights_of,
)

# Differences of inputs and centres one by one, and by a matrix product.
each_way = pytest.mark.parametrize("features", [3, 24])


def make(features, units=4, gamma=None, **arguments):
    layer = RBFLayer(units, **arguments)
    layer.build((None, features))
    layer.centers.assign(values(units, features, seed=1))
    layer.gamma.assign(np.linspace(0.5, 1.5, units) / features if gamma is None else np.full(units, gamma))
    return layer


def formula(x, centers, gamma):
    squares = np.sum((x[..., None, :] - centers) ** 2, axis=-1)
    return np.exp(-np.minimum(gamma * squares, 50))


def repulsion(centers, *, strength, distance, margin):
    """The formula in float64, pair by pair."""
    total = 0.0
    for i, one in enumerate(centers):
        for j, other in enumerate(centers):
            if i != j:
                total += max(0.0, distance * (1 + margin) - np.linalg.norm(one - other)) ** 2
    return strength * centers.shape[1] * total / len(centers) ** 2


def added_loss(layer, **how):
    """What a call adds to the regularization of `gamma`."""
    layer(np.zeros((1, layer.centers.shape[1]), "float32"), **how)
    return sum(float(numpy(loss)) for loss in layer.losses) - 1e-5 * float(np.sum(numpy(layer.gamma.value) ** 2))


@each_way
def test_the_kernel_of_scikit_learn(features):
    layer, x = make(features, gamma=0.7 / features), values(6, features)
    expected = rbf_kernel(x.astype("float64"), weights_of(layer)[0], gamma=0.7 / features)
    assert_accurate(output(layer, x), expected, units=16)


@each_way
def test_each_unit_has_a_gamma_and_axes_in_between_stay(features):
    layer, x = make(features), values(2, 5, features)
    assert_accurate(output(layer, x), formula(x.astype("float64"), *weights_of(layer)), units=16)


@each_way
def test_gradients(features):
    layer, x, cotangent = make(features), values(3, features), values(3, 4, seed=9)
    jit = keras.backend.backend() == "jax"
    _, gradients = value_and_gradients(layer, [x], [cotangent], training=False, jit=jit)
    arguments = [x.astype("float64"), *weights_of(layer)]
    for index, found in enumerate(gradients):
        assert_accurate(numpy(found), central_differences(formula, arguments, index, cotangent), GRADIENT_UNITS)


@each_way
def test_at_a_centre_it_is_1(features):
    layer = make(features, gamma=0.5)
    y = output(layer, numpy(layer.centers.value))
    np.testing.assert_allclose(np.diag(y), 1, rtol=1e-5)
    assert np.all(y <= 1)


def test_what_centres_and_inputs_have_in_common_costs_no_digits():
    """Their squares are a million times the squared distances."""
    layer, x = make(24), values(6, 24)
    centers, gamma = weights_of(layer)
    layer.centers.assign(centers + 1000)
    found = output(layer, x + 1000)
    exact = formula((x + np.float32(1000)).astype("float64"), weights_of(layer)[0], gamma)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


@pytest.mark.parametrize("distance", [1e3, 1e30])
def test_from_afar_it_is_small_and_flat(distance):
    layer = make(3)
    x = np.array([[0, distance, 0]], "float32")
    (y,), gradients = value_and_gradients(layer, [x], [np.ones((1, 4), "float32")], training=True, jit=False)
    np.testing.assert_allclose(numpy(y), np.exp(-50), rtol=1e-5)
    for gradient in gradients:
        np.testing.assert_array_equal(numpy(gradient), 0)


def test_nan_stays_in_its_sample():
    layer, x = make(3), values(3, 3)
    x[1, 2] = np.nan
    np.testing.assert_array_equal(np.isnan(output(layer, x)).any(axis=1), [False, True, False])


@each_way
def test_repulsion(features):
    distance = 2 * np.sqrt(features)
    layer = make(features, 5, repulsion_strength=0.3, min_center_distance=distance, safety_margin=0.1)
    expected = repulsion(weights_of(layer)[0], strength=0.3, distance=distance, margin=0.1)
    assert added_loss(layer, training=True) == pytest.approx(expected, rel=1e-5)
    assert added_loss(layer, training=False) == pytest.approx(0, abs=1e-9)
    layer.trainable = False
    layer(values(2, features), training=True)
    assert layer.losses == []


@pytest.mark.parametrize("distance", [0.0, 0.25, 1.0, 1.2, 3.0])
def test_repulsion_of_two_centres(distance):
    layer = make(3, units=2)
    layer.centers.assign([[1, 1, 1], [1, 1 + distance, 1]])
    expected = 0.1 * 3 * 2 * max(0, 1.2 - distance) ** 2 / 4
    assert added_loss(layer, training=True) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@each_way
def test_centres_that_coincide_have_finite_gradients(features):
    centers = values(4, features)
    centers[1] = centers[0]
    loss, gradient = penalty_and_gradient(make(features, min_center_distance=20.0)._repulsion, centers)
    assert loss == pytest.approx(repulsion(centers, strength=0.1, distance=20.0, margin=0.2), rel=1e-3)
    assert np.all(np.isfinite(gradient))


def test_centres_that_coincide_feel_only_the_others():
    centers = np.float32([[0, 0, 1], [0, 0, 1], [2, 0, 1]])
    _, gradient = penalty_and_gradient(make(3, units=3, min_center_distance=5.0)._repulsion, centers)
    force = 0.1 * 3 / 9 * 4 * (6 - 2)
    assert_accurate(gradient, [[force, 0, 0], [force, 0, 0], [-2 * force, 0, 0]])


def test_fit_moves_centres_apart():
    """One step of gradient descent on nothing but the loss added."""
    layer = make(3, units=3)
    before = weights_of(layer)[0]
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    history = model.fit(values(4, 3), batch_size=4, epochs=1, verbose=0)

    def loss(centers):
        return repulsion(centers, strength=0.1, distance=1.0, margin=0.2)

    expected = before - 0.5 * central_differences(loss, [before], 0, np.float64(1))
    assert loss(before) > 0
    assert_accurate(weights_of(layer)[0], expected)
    gamma = 1e-5 * np.sum((np.linspace(0.5, 1.5, 3) / 3) ** 2)
    assert history.history["loss"][0] == pytest.approx(loss(before) + gamma, rel=1e-5)


def test_initial_weights():
    layer = RBFLayer(50, 2.5)
    layer.build((None, 20))
    centers, gamma = weights_of(layer)
    assert 0.049 < np.abs(centers).max() <= 0.05
    np.testing.assert_array_equal(gamma, 2.5)
    assert layer.trainable_weights == layer.weights


def test_gamma_is_kept_positive_and_can_be_fixed():
    layer = make(3, trainable_gamma=False)
    assert layer.trainable_weights == [layer.centers]
    assert layer.losses == []
    assert_accurate(numpy(layer.gamma.constraint(np.float32([-1, 0, 2]))), [1e-5, 1e-5, 2])


def test_empty_batch():
    assert output(make(3), np.zeros((0, 5, 3), "float32")).shape == (0, 5, 4)
