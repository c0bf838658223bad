import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import AdvancedLogicGateLayer, BoundsLayer
from tests._frameworks import value_and_gradients
from tests.oracles.compare import values


def outputs(layer, x, **options):
    return [ops.convert_to_numpy(y) for y in layer(ops.convert_to_tensor(x), **options)]


def test_running_extremes():
    layer = BoundsLayer(0.25, 0.25)
    seen = [0.25]
    for seed in range(3):
        x = (seed + 1) * values(4, 3, 2, seed=seed)
        outputs(layer, 100 * x, training=False)
        assert layer.get_bounds() == (np.min(seen), np.max(seen))
        seen += [*x.ravel()]
        lower, upper = outputs(layer, x, training=True)
        np.testing.assert_array_equal(lower, np.full(x.shape, np.min(seen)))
        np.testing.assert_array_equal(upper, np.full(x.shape, np.max(seen)))
    assert layer.get_bounds() == (np.min(seen), np.max(seen))


def test_bounds_before_there_is_data():
    layer = BoundsLayer(-0.5, 2.0)
    assert layer.get_bounds() == (-0.5, 2.0)
    outputs(layer, np.zeros((0, 3), "float32"), training=True)
    assert layer.get_bounds() == (-0.5, 2.0)


def test_what_is_missing_moves_nothing():
    layer = BoundsLayer()
    outputs(layer, np.float32([[np.nan, 1.5], [np.nan, np.nan]]), training=True)
    assert layer.get_bounds() == (0.0, 1.5)
    outputs(layer, np.float32([[-np.inf, np.nan]]), training=True)
    assert layer.get_bounds() == (-np.inf, 1.5)


def test_low_precision_keeps_the_numbers_seen():
    layer = BoundsLayer(dtype="bfloat16")
    x = ops.cast(values(8, 4), "bfloat16")
    layer(x, training=True)
    x = ops.convert_to_numpy(ops.cast(x, "float32"))
    assert layer.get_bounds() == (x.min(), x.max())


def test_learned_bounds_move_by_gradients_only():
    layer = BoundsLayer(trainable_bounds=True)
    x = values(2, 3)
    layer.build(x.shape)
    cotangents = [values(2, 3, seed=seed) for seed in (1, 2)]
    _, (_, *gradients) = value_and_gradients(layer, [x], cotangents, training=True, jit=False)
    for gradient, cotangent in zip(gradients, cotangents, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(gradient), [cotangent.sum()], rtol=1e-5)
    assert layer.get_bounds() == (0.0, 1.0)


def test_bounds_survive_saving_and_go_into_a_gate(tmp_path):
    inputs = keras.Input((3,))
    bounds = BoundsLayer(0.5, 0.5, name="bounds")
    model = keras.Model(inputs, AdvancedLogicGateLayer("and", "product", use_bounds=True)(bounds(inputs)))
    x = np.float32([[0.25, 0.5, 0.75]])
    before = outputs(model, x, training=True)
    np.testing.assert_allclose(before, [[[0.25**3]], [[0.75**3]]], rtol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("bounds").get_bounds() == (0.25, 0.75)
    np.testing.assert_array_equal(outputs(loaded, 0 * x, training=False), before)


def test_lower_must_not_be_greater_than_upper():
    with pytest.raises(ValueError, match=r"must not be greater .* Received: initial_lower=1.0, initial_upper=0.5"):
        BoundsLayer(1.0, 0.5)
