import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import AdaptiveSoftmax
from tests._frameworks import value_and_gradients
from tests.oracles import activations as oracles
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({}, {}),
        ({"min_temp": 0.65, "max_temp": 0.7}, {"min_temp": 0.65, "max_temp": 0.7}),
        ({"entropy_threshold": 1.5}, {"threshold": 1.5}),
        ({"polynomial_coeffs": [0.5, 1.0]}, {"coefficients": [0.5, 1.0]}),
    ],
)
def test_oracle(arguments, options):
    rows = np.stack([values(6), 3 * values(6, seed=1), 8 * values(6, seed=2), 0.1 * values(6, seed=3)])
    assert_same_function(AdaptiveSoftmax(**arguments), lambda x: oracles.adaptive_softmax(x, **options), rows)


def test_known_numbers():
    layer = AdaptiveSoftmax()
    x = np.float32([[1, 0, 0, 0], [3, 2, 1, 0]])
    entropy = layer.compute_entropy(ops.softmax(x))
    temperature = ops.convert_to_numpy(layer.compute_temperature(entropy))
    np.testing.assert_allclose(ops.convert_to_numpy(entropy)[0], [1.268301], rtol=1e-6)
    np.testing.assert_allclose(temperature, [[0.613095], [0.845729]], rtol=2e-6)
    expected = [[0.630056, 0.123315, 0.123315, 0.123315], [0.699639, 0.214466, 0.065742, 0.020153]]
    np.testing.assert_allclose(output(layer, x), expected, atol=1.5e-6)


@pytest.mark.parametrize(
    ("entropy", "sharpness"),
    [
        (0.4, 1),
        (0.6, 1),
        (1.0, 1.27),
        (np.log(4), 1.75007),
        (2.0, 2.099),
        (3.0, 2.25),
        (np.log(64), 2.40764),
        (4.412, 2.42139),
        (5.0, 2.294),
        (5.95, 1),
        (8.0, 1),
    ],
)
def test_the_sharpness_for_an_entropy(entropy, sharpness):
    temperature = AdaptiveSoftmax().compute_temperature(ops.convert_to_tensor([[np.float32(entropy)]]))
    np.testing.assert_allclose(1 / ops.convert_to_numpy(temperature), [[sharpness]], rtol=1e-5)


@pytest.mark.parametrize("row", [[2.0, 1.0, 0.0], [10.0, 0.0, 0.0, 0.0, 0.0]])
def test_rows_that_are_clear_enough_stay(row):
    x = np.float32([row])
    np.testing.assert_allclose(output(AdaptiveSoftmax(), x), ops.convert_to_numpy(ops.softmax(x)), rtol=1e-6)


def test_rows_below_the_threshold_stay_whatever_the_temperatures():
    x = np.float32([[10, 0, 0, 0, 0]])
    found = output(AdaptiveSoftmax(min_temp=0.2, max_temp=0.3), x)
    np.testing.assert_allclose(found, ops.convert_to_numpy(ops.softmax(x)), rtol=1e-6)


def test_the_entropy_of_a_uniform_row_and_of_a_certain_one():
    rows = ops.convert_to_tensor(np.float32([[0.25, 0.25, 0.25, 0.25], [1, 0, 0, 0]]))
    found = ops.convert_to_numpy(AdaptiveSoftmax().compute_entropy(rows))
    np.testing.assert_allclose(found, [[np.log(4)], [0]], rtol=1e-6)


def test_sharpens_and_keeps_the_order():
    layer = AdaptiveSoftmax()
    x = values(64, 32)
    plain, sharp = ops.convert_to_numpy(ops.softmax(x)), output(layer, x)
    np.testing.assert_allclose(sharp.sum(axis=-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(sharp.argmax(axis=-1), plain.argmax(axis=-1))
    before, after = (ops.convert_to_numpy(layer.compute_entropy(ops.convert_to_tensor(p))) for p in (plain, sharp))
    assert np.all(after < before)


def test_uniform_rows_stay_uniform():
    np.testing.assert_allclose(output(AdaptiveSoftmax(), np.full((1, 8), 3.0, "float32")), 1 / 8, rtol=1e-6)


@pytest.mark.parametrize("jit", [False, True])
def test_impossible_elements_have_a_finite_gradient(jit):
    """Their probability is exactly zero."""
    layer = AdaptiveSoftmax()
    x = np.float32([[1, 0, 0.5, -200], [500, 0, 0, 0]])
    layer.build(x.shape)
    (y,), (gradient,) = value_and_gradients(layer, [x], [values(2, 4)], training=True, jit=jit)
    assert np.all(np.isfinite(ops.convert_to_numpy(y)))
    assert np.all(np.isfinite(ops.convert_to_numpy(gradient)))


def test_a_half_precision_row_is_computed_in_float32():
    x = np.float32([[1, 0, 0, 0]])
    found = output(AdaptiveSoftmax(dtype="float16"), ops.cast(x, "float16"))
    np.testing.assert_allclose(found, [[0.630056, 0.123315, 0.123315, 0.123315]], rtol=1e-3)
    assert_accurate(output(AdaptiveSoftmax(), x), oracles.adaptive_softmax(x.astype("float64")))
