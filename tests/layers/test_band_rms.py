import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import BandRMS
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize(("axis", "band_shape"), [(-1, (4,)), (1, (3, 1)), ([-1, 1], (3, 4))])
def test_oracle(axis, band_shape):
    axes = tuple(axis) if np.ndim(axis) else axis
    assert_same_function(
        BandRMS(0.3, axis, epsilon=1e-3),
        lambda x, band: norms.band_rms(x, band.reshape(band_shape), max_band_width=0.3, axis=axes, epsilon=1e-3),
        values(2, 3, 4),
        ["band"],
    )


def test_starts_in_the_middle_of_the_band():
    x = values(4, 8)
    expected = 0.95 * norms.rms_norm(x.astype("float64"), epsilon=1e-7)
    assert_accurate(output(BandRMS(max_band_width=0.1), x), expected)


def rms(y):
    return np.sqrt(np.mean(y.astype("float64") ** 2, axis=-1))


def test_the_rms_stays_in_the_band_wherever_the_parameters_go():
    layer = BandRMS(max_band_width=0.3)
    layer.build((None, 64))
    x = 5 * values(16, 64)
    for low, high in ((-100, 100), (-2, 2), (-0.1, 0.1)):
        layer.band.assign(np.random.default_rng(0).uniform(low, high, 64))
        assert np.all((rms(output(layer, x)) >= 0.7 - 1e-6) & (rms(output(layer, x)) <= 1 + 1e-6))


@pytest.mark.parametrize(("band", "end"), [(-100.0, 0.7), (100.0, 1.0)])
def test_the_ends_of_the_band_are_reached(band, end):
    layer = BandRMS(max_band_width=0.3)
    layer.build((None, 64))
    layer.band.assign(np.full(64, band))
    np.testing.assert_allclose(rms(output(layer, values(16, 64))), end, rtol=1e-6)


def test_scaling_the_input_changes_nothing():
    x = values(4, 8)
    assert_accurate(output(BandRMS(epsilon=1e-12), 1000 * x), output(BandRMS(epsilon=1e-12), x))


def test_a_parameter_far_out_can_still_learn():
    """A hard clip would stop its gradient at half a unit from the middle."""
    layer = BandRMS()
    layer.build((None, 8))
    layer.band.assign(np.full(8, 0.75))
    _, (_, gradient) = value_and_gradients(layer, [values(4, 8)], [values(4, 8, seed=1)], training=True, jit=False)
    assert np.all(ops.convert_to_numpy(gradient) != 0)


def test_training_and_inference_agree_far_out():
    layer = BandRMS()
    layer.build((None, 8))
    layer.band.assign(np.full(8, 3.0))
    x = values(4, 8)
    np.testing.assert_array_equal(output(layer, x, training=True), output(layer, x, training=False))


@pytest.mark.parametrize(("arguments", "loss"), [({}, 8 * 1e-5 * 4), ({"band_regularizer": None}, None)])
def test_the_default_regularizer_pulls_to_the_middle(arguments, loss):
    layer = BandRMS(**arguments)
    layer.build((None, 8))
    layer.band.assign(np.full(8, 2.0))
    found = [float(ops.convert_to_numpy(value)) for value in layer.losses]
    np.testing.assert_allclose(found, [] if loss is None else [loss], rtol=1e-6)
