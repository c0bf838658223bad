import keras
import numpy as np
import pytest
from keras import ops
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import RoutingCapsule
from tests.oracles.capsules import route, routing, squash
from tests.oracles.compare import assert_accurate, assert_same_function, output, randomized, values, weights_of

INPUTS, COMPONENTS, OUTPUTS, SIZE = 5, 2, 3, 4
X = values(2, INPUTS, COMPONENTS)


def make(x=X, **arguments):
    return randomized(RoutingCapsule(OUTPUTS, SIZE, **arguments), x.shape)


def coefficients(layer, x):
    """Of the last iteration, `(batch, inputs, outputs)`."""
    predictions = np.einsum("bik,ikjl->bjil", x, numpy(layer.kernel))
    return numpy(layer._coefficients(ops.convert_to_tensor(predictions))).transpose(0, 2, 1)


@pytest.mark.parametrize("iterations", [1, 2, 3])
def test_oracle(iterations):
    layer = RoutingCapsule(OUTPUTS, SIZE, routing_iterations=iterations)
    assert_same_function(layer, lambda *given: routing(*given, iterations), X, ["kernel", "bias"])


def test_constant_coefficients():
    """The same outputs, and the gradient of the last iteration alone."""
    kernel, bias = values(INPUTS, COMPONENTS, OUTPUTS, SIZE, seed=1), values(OUTPUTS, SIZE, seed=2)
    found = [route(sample, kernel.astype("float64"), bias.astype("float64"))[1] for sample in X.astype("float64")]
    layer = RoutingCapsule(OUTPUTS, SIZE, stop_gradient_routing=True)
    assert_same_function(layer, lambda *given: routing(*given, coefficients=found), X, ["kernel", "bias"])


def test_coefficients():
    layer = make()
    found = coefficients(layer, X)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-6)
    assert_accurate(found, np.array([route(sample, *weights_of(layer))[1] for sample in X.astype("float64")]))
    assert np.ptp(found) > 0.1


def test_one_iteration_weighs_all_predictions_alike():
    layer = make(routing_iterations=1)
    kernel, bias = weights_of(layer)
    predictions = np.einsum("bik,ikjl->bijl", X.astype("float64"), kernel)
    assert_accurate(output(layer, X), squash(predictions.sum(axis=1) / OUTPUTS + bias))


def test_equal_predictions_have_equal_coefficients():
    layer, x = make(), np.repeat(X[:, :1], INPUTS, axis=1)
    layer.kernel.assign(np.repeat(numpy(layer.kernel)[:1], INPUTS, axis=0))
    found = coefficients(layer, x)
    np.testing.assert_allclose(found, np.repeat(found[:, :1], INPUTS, axis=1), rtol=1e-6)
    assert np.ptp(found[0, 0]) > 0.01


def test_the_order_of_the_inputs_does_not_matter():
    layer, order = make(), [3, 0, 4, 1, 2]
    expected = output(layer, X)
    layer.kernel.assign(numpy(layer.kernel)[order])
    assert_accurate(output(layer, X[:, order]), expected)


def test_lengths_are_below_one():
    x = 30 * values(8, INPUTS, COMPONENTS)
    lengths = np.linalg.norm(output(make(), x), axis=-1)
    assert 0.9 < lengths.max() < 1


def test_a_hidden_input_is_as_if_it_were_not_there():
    layer, shorter, x = make(), make(X[:, :3]), X.copy()
    shorter.kernel.assign(numpy(layer.kernel)[:3])
    x[:, 3:] = np.nan
    mask = np.broadcast_to(np.arange(INPUTS) < 3, (2, INPUTS))
    assert_accurate(output(layer, x, mask=ops.convert_to_tensor(mask)), output(shorter, X[:, :3]))


def test_a_single_output_takes_all():
    layer = randomized(RoutingCapsule(1, SIZE), X.shape)
    kernel, bias = weights_of(layer)
    assert_accurate(output(layer, X), squash(np.einsum("bik,ikjl->bjl", X.astype("float64"), kernel) + bias))


def test_without_bias():
    layer = make(use_bias=False)
    assert [weight.name for weight in layer.weights] == ["kernel"]
    assert_accurate(output(layer, X), routing(X.astype("float64"), *weights_of(layer)))


def test_the_fans_of_the_initializer_are_those_of_one_capsule():
    layer = RoutingCapsule(10, 16)
    layer.build((None, 288, 8))
    kernel, bias = weights_of(layer)
    limit = np.sqrt(6 / (8 + 16))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert not bias.any()
    layers = [RoutingCapsule(10, 16, kernel_initializer=keras.initializers.HeNormal(seed=1)) for _ in range(2)]
    for layer in layers:
        layer.build((None, 288, 8))
    assert np.std(weights_of(layers[0])[0]) == pytest.approx(np.sqrt(2 / 8), rel=0.02)
    np.testing.assert_array_equal(weights_of(layers[0])[0], weights_of(layers[1])[0])


def test_axes_that_an_initializer_names_count():
    layer = RoutingCapsule(
        10, 16, kernel_initializer=keras.initializers.VarianceScaling(input_axes=[0, 1], output_axes=[3])
    )
    layer.build((None, 288, 8))
    assert np.std(weights_of(layer)[0]) == pytest.approx(np.sqrt(1 / (288 * 8)), rel=0.02)
