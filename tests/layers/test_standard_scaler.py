import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import StandardScaler
from tests._frameworks import value_and_gradients
from tests.oracles.compare import BFLOAT16_UNIT, assert_accurate, assert_same_function, output, rounded, values


def oracle(x, axis=-1, epsilon=1e-5):
    """NumPy's own statistics that leave out NaN."""
    mean, variance = np.nanmean(x, axis=axis, keepdims=True), np.nanvar(x, axis=axis, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def with_gaps(*shape):
    x = values(*shape)
    x[np.random.default_rng(1).uniform(size=shape) < 0.3] = np.nan
    return x


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_oracle(axis):
    axes = tuple(axis) if np.ndim(axis) else axis
    layer = StandardScaler(epsilon=0.1, axis=axis)
    assert_same_function(layer, lambda x: oracle(x, axes, 0.1), values(2, 3, 4))


@pytest.mark.parametrize("replacement", [0.0, -7.0])
@pytest.mark.parametrize("axis", [-1, 1])
def test_missing_values_take_no_part(axis, replacement):
    x = with_gaps(4, 12, 10)
    expected = np.where(np.isnan(x), replacement, oracle(x.astype("float64"), axis))
    assert_accurate(output(StandardScaler(nan_replacement=replacement, axis=axis), x), expected)


@pytest.mark.parametrize("jit", [False, True])
def test_gradients_around_missing_values_are_finite(jit):
    x = with_gaps(4, 6)
    x[0] = np.nan
    layer = StandardScaler()
    layer.build(x.shape)
    (y,), (gradient,) = value_and_gradients(layer, [x], [values(4, 6)], training=True, jit=jit)
    gradient = ops.convert_to_numpy(gradient)
    np.testing.assert_array_equal(ops.convert_to_numpy(y)[0], 0)
    assert np.all(np.isfinite(gradient))
    assert not np.any(gradient[np.isnan(x)])


def test_known_numbers():
    found = output(StandardScaler(), np.float32([[1, 2, 3], [5, 5, 5]]))
    np.testing.assert_allclose(found, [[-1.224736, 0, 1.224736], [0, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("axis", [-1, 1])
def test_the_output_has_mean_zero_and_deviation_one(axis):
    y = output(StandardScaler(axis=axis), 5 + 3 * values(4, 64, 32)).astype("float64")
    np.testing.assert_allclose(y.mean(axis=axis), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=axis), 1, rtol=1e-5)


def test_level_and_spread_of_the_input_change_nothing():
    x = values(4, 32)
    assert_accurate(output(StandardScaler(epsilon=1e-12), 8 * x + 16), output(StandardScaler(epsilon=1e-12), x), 64)


def test_the_way_back():
    x = 5 + 3 * with_gaps(4, 12, 10)
    layer = StandardScaler(axis=1)
    back = layer.inverse_transform(layer(ops.convert_to_tensor(x)), *layer.statistics(x))
    present = ~np.isnan(x)
    assert_accurate(ops.convert_to_numpy(back)[present], x[present])


def test_time_series_of_any_length():
    layer = StandardScaler(axis=1)
    layer.build((None, None, 1))
    x = values(2, 9, 1)
    assert_accurate(output(layer, x), oracle(x.astype("float64"), 1))
    assert not np.any(output(StandardScaler(), x)), "over the one feature there is nothing left"


@pytest.mark.parametrize("axis", [1, -1])
def test_padding_is_missing(axis):
    x = with_gaps(3, 6, 4)
    shown = np.arange(6) < [[6], [4], [1]]
    hidden = np.where(shown[..., None], x, np.nan)
    layer = StandardScaler(nan_replacement=-7.0, axis=axis)
    np.testing.assert_array_equal(output(layer, x, mask=ops.convert_to_tensor(shown)), output(layer, hidden))
    found = layer.statistics(x, mask=shown)
    for one, other in zip(found, layer.statistics(hidden), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


def test_keras_mask_comes_and_goes_on():
    x = values(2, 5, 3)
    x[1, 3:] = 0
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.Masking(), StandardScaler(axis=1)])
    assert_accurate(output(model, x)[1, :3], oracle(x[1:, :3].astype("float64"), 1)[0])
    assert not output(model, x)[1, 3:].any()
    assert model.layers[-1].compute_mask(None, "the mask") == "the mask"


def stored(layer):
    return [ops.convert_to_numpy(value) for value in layer.get_stats()]


def test_training_stores_the_statistics_and_inference_does_not():
    layer = StandardScaler(store_stats=True, axis=1)
    assert layer.get_stats() is None
    x = 5 + 3 * values(4, 12, 10)
    output(layer, x, training=False)
    assert [value.shape for value in stored(layer)] == [(1, 10), (1, 10)]
    np.testing.assert_array_equal(stored(layer)[0], 0)
    np.testing.assert_array_equal(stored(layer)[1], 1)
    output(layer, x, training=True)
    x = x.astype("float64")
    assert_accurate(stored(layer)[0], x.mean(axis=1, keepdims=True).mean(axis=0))
    assert_accurate(stored(layer)[1], np.sqrt(x.var(axis=1, keepdims=True) + 1e-5).mean(axis=0))
    layer.reset_stats()
    np.testing.assert_array_equal(stored(layer), [np.zeros((1, 10)), np.ones((1, 10))])


def test_what_is_stored_does_not_scale():
    x = values(4, 12)
    layer = StandardScaler(store_stats=True)
    output(layer, 100 + 10 * x, training=True)
    np.testing.assert_array_equal(output(layer, x), output(StandardScaler(), x))


def test_statistics_survive_prediction_and_saving(tmp_path):
    model = keras.Sequential([keras.Input((12,)), StandardScaler(store_stats=True)])
    output(model, values(4, 12), training=True)
    before = stored(model.layers[0])
    model.predict(100 * values(4, 12), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(stored(loaded.layers[0]), before)


def test_without_storing_there_are_no_weights():
    layer = StandardScaler()
    layer.build((None, 4))
    layer.reset_stats()
    assert layer.get_stats() is None
    assert layer.weights == []


def test_storing_needs_known_sizes_beside_those_scaled_over():
    StandardScaler(store_stats=True, axis=1).build((None, None, 4))
    with pytest.raises(ValueError, match=r"`store_stats`.* Received: axis=-1, input_shape=\(None, None, 4\)"):
        StandardScaler(store_stats=True).build((None, None, 4))


def test_low_precision_is_lost_only_in_the_last_step():
    x = 100 + values(4, 512)
    found = output(StandardScaler(dtype="bfloat16"), ops.cast(x, "bfloat16"))
    assert_accurate(found, oracle(rounded(x, "bfloat16")), units=0.51, unit=BFLOAT16_UNIT)
