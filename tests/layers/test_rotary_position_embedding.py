import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import RotaryPositionEmbedding
from tests.oracles.attention import rotate


def full(head_dim=4, max_seq_len=16):
    layer = RotaryPositionEmbedding(head_dim, max_seq_len, rope_percentage=1.0)
    layer.build((None, 1, None, head_dim))
    return layer


def at(layer, vector, position):
    """One vector of features at one position."""
    return numpy(layer.rotate(np.reshape(vector, (1, 1, 1, -1)), offset=position))[0, 0, 0]


@pytest.mark.parametrize(("percentage", "rope_dim"), [(1.0, 8), (0.5, 4), (0.7, 4), (0.1, 0)])
def test_formula(percentage, rope_dim):
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 8)).astype("float32")
    layer = RotaryPositionEmbedding(8, 6, rope_theta=50.0, rope_percentage=percentage)
    np.testing.assert_allclose(numpy(layer(x)), rotate(x, theta=50.0, rope_dim=rope_dim), rtol=0, atol=2e-6)


@pytest.mark.parametrize(("percentage", "rope_dim"), [(1.0, 8), (0.5, 4), (0.7, 4), (0.1, 0)])
def test_halves_are_neighbours_in_another_order(percentage, rope_dim):
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 8)).astype("float32")
    order = [*np.arange(rope_dim).reshape(2, -1).T.ravel(), *range(rope_dim, 8)]
    expected = rotate(x[..., order], theta=50.0, rope_dim=rope_dim)[..., np.argsort(order)]
    layer = RotaryPositionEmbedding(8, 6, rope_theta=50.0, rope_percentage=percentage, interleaved=False)
    np.testing.assert_allclose(numpy(layer(x)), expected, rtol=0, atol=2e-6)


def test_all_features_turn_by_default():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 8)).astype("float32")
    np.testing.assert_allclose(numpy(RotaryPositionEmbedding(8, 6)(x)), rotate(x), rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, [1.0, 0.0, 1.0, 0.0]),
        (1, [0.540302, 0.841471, 0.999950, 0.010000]),
        (3, [-0.989992, 0.141120, 0.999550, 0.029996]),
    ],
)
def test_known_values(position, expected):
    found = at(full(), np.array([1.0, 0.0, 1.0, 0.0], "float32"), position)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


LLAMA = {"factor": 8.0, "original_max_position_embeddings": 8192, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


def stretched(frequency, length=8192, low=1.0, high=4.0, factor=8.0):
    """One frequency, as in the code that Meta published with LLaMA 3.1."""
    wavelength = 2 * np.pi / frequency
    if wavelength < length / high:
        return frequency
    if wavelength > length / low:
        return frequency / factor
    smooth = (length / wavelength - low) / (high - low)
    return (1 - smooth) * frequency / factor + smooth * frequency


@pytest.mark.parametrize("interleaved", [True, False])
def test_llama_stretches_slow_frequencies(interleaved):
    layer = RotaryPositionEmbedding(128, 2, rope_theta=5e5, interleaved=interleaved, rope_scaling=LLAMA)
    layer.build((None, 1, None, 128))
    x = np.zeros((64, 2), "float32") if interleaved else np.zeros((2, 64), "float32").T
    x[:, 0] = 1
    turned = at(layer, x if interleaved else x.T, 1)
    cos, sin = turned.reshape(64, 2).T if interleaved else turned.reshape(2, 64)
    frequencies = 5e5 ** (-np.arange(64) / 64)
    expected = [stretched(frequency) for frequency in frequencies]
    assert {1.0, 8.0} < set(np.round(frequencies / expected, 6)), "not all kinds are there"
    np.testing.assert_allclose(np.arctan2(sin, cos), expected, rtol=1e-6)


@pytest.mark.parametrize("wrong", [{"factor": 0.0}, {"low_freq_factor": 4.0}, {"type": "llama3"}])
def test_wrong_scalings_are_rejected(wrong):
    with pytest.raises(ValueError, match=r"factor.*Received: .*factor"):
        RotaryPositionEmbedding(4, 8, rope_scaling={**LLAMA, **wrong})


def test_scores_depend_on_the_distance_only():
    random = np.random.default_rng(1)
    query, key = random.standard_normal((2, 4)).astype("float32")
    layer = full()
    scores = [at(layer, query, m) @ at(layer, key, m - 3) for m in range(3, 16)]
    np.testing.assert_allclose(scores, scores[0], rtol=1e-5)
    assert abs(scores[0] - query @ key) > 0.1


def test_rotations_add_up_and_keep_norms():
    x = np.random.default_rng(2).standard_normal(4).astype("float32")
    layer = full()
    np.testing.assert_allclose(at(layer, at(layer, x, 4), 7), at(layer, x, 11), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(at(layer, x, 9)), np.linalg.norm(x), rtol=1e-6)


def test_features_past_the_percentage_are_untouched():
    x = np.random.default_rng(3).standard_normal((2, 2, 6, 8)).astype("float32")
    y = numpy(RotaryPositionEmbedding(8, 6, rope_percentage=0.5)(x))
    np.testing.assert_array_equal(y[..., 4:], x[..., 4:])
    assert np.all(y[:, :, 1:, :4] != x[:, :, 1:, :4])


def test_axis_of_positions_and_offset():
    x = np.random.default_rng(4).standard_normal((2, 5, 3, 4)).astype("float32")
    found = numpy(full().rotate(x, offset=2, axis=-3))
    expected = rotate(np.swapaxes(x, 1, 2), first_position=2)
    np.testing.assert_allclose(np.swapaxes(found, 1, 2), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", ["float16", "mixed_bfloat16"])
def test_tables_stay_float32(dtype):
    layer = RotaryPositionEmbedding(4, 3000, rope_percentage=1.0, dtype=dtype)
    x = np.ones((1, 1, 3000, 4), "float32")
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {"float32"}
    # In half precision the positions near 3000 would be off by whole turns.
    np.testing.assert_allclose(numpy(keras.ops.cast(y, "float32")), rotate(x), rtol=0, atol=1e-2)


def test_too_long_inputs_are_rejected_when_called():
    layer = full(max_seq_len=4)
    with pytest.raises(ValueError, match=r"Received: max_seq_len=4, offset=0, input_shape=\(1, 1, 5, 4"):
        layer(np.ones((1, 1, 5, 4), "float32"))
    with pytest.raises(ValueError, match="offset=3"):
        layer.rotate(np.ones((1, 1, 2, 4), "float32"), offset=3)


def test_nothing_is_trained():
    assert full().trainable_weights == []
