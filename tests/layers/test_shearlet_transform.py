import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import ShearletTransform
from tests._frameworks import double_precision, value_and_gradients
from tests.oracles.compare import assert_accurate, quick_output, values
from tests.oracles.image import shearlet_filters, shearlets


def built(shape, *arguments):
    layer = ShearletTransform(*arguments)
    layer.build(shape)
    return layer


def filters_of(layer):
    return ops.convert_to_numpy(layer.filters.value)


def inverse(layer, coefficients):
    return ops.convert_to_numpy(layer.inverse(ops.convert_to_tensor(coefficients)))


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [((2, 16, 16, 1), (2, 4)), ((1, 15, 12, 2), (3, 3)), ((1, 7, 18, 1), (1, 1)), ((1, 1, 5, 1), (1, 2))],
    ids=str,
)
def test_same_as_scipy(shape, arguments):
    x = values(*shape)
    layer = built(shape, *arguments)
    assert_accurate(filters_of(layer), shearlet_filters(*shape[1:3], *arguments))
    assert_accurate(quick_output(layer, x), shearlets(x, *arguments))


def test_the_maps_hold_the_image():
    shape = (1, 33, 24, 3)
    x = 100 + 50 * values(*shape)
    layer = built(shape)
    maps = quick_output(layer, x)
    assert maps.shape == (*shape[:3], 37 * shape[3])
    np.testing.assert_allclose(np.sum(filters_of(layer) ** 2, axis=0), 1, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.sum(maps.astype("float64") ** 2), np.sum(x.astype("float64") ** 2), rtol=1e-6)
    assert np.max(np.abs(inverse(layer, maps) - x)) < 1e-5 * np.max(np.abs(x))


def test_the_image_comes_back_to_a_hundred_thousandth():
    x = values(2, 64, 48, 1)
    layer = built(x.shape)
    assert np.max(np.abs(inverse(layer, quick_output(layer, x)) - x)) < 1e-5


def test_an_impulse_gives_what_the_filters_respond_with():
    layer = built((1, 16, 15, 1), 2, 3)
    impulse = np.zeros((1, 16, 15, 1), "float32")
    impulse[0, 0, 0] = 1
    responses = np.fft.ifft2(filters_of(layer).astype("float64")).real
    assert_accurate(quick_output(layer, impulse)[0], np.moveaxis(responses, 0, -1))


@pytest.mark.parametrize("directions", [8, 3])
def test_the_direction_of_a_wave_has_its_energy(directions):
    angles = np.arange(24) * np.pi / 24
    row, column = np.mgrid[:64, :64]
    waves = [np.cos(2 * np.pi * 0.2 * (np.cos(a) * column + np.sin(a) * row)) for a in angles]
    maps = quick_output(ShearletTransform(3, directions), np.array(waves, "float32")[..., None])
    energy = np.sum(maps[:, 16:48, 16:48, 1:] ** 2, axis=(1, 2)).reshape(24, 3, directions + 1).sum(axis=1)
    wedge = np.pi / (directions + 1)
    distance = np.abs((energy.argmax(axis=1) * wedge - angles + np.pi / 2) % np.pi - np.pi / 2)
    assert np.all(distance < wedge / 2 + 1e-6)


def test_scales_go_from_coarse_to_fine():
    column = np.arange(64)
    waves = [
        np.cos(2 * np.pi * frequency * column) + np.zeros((64, 1)) for frequency in (0, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
    ]
    maps = quick_output(ShearletTransform(4, 2), np.array(waves, "float32")[..., None])
    energy = np.sum(maps**2, axis=(1, 2))
    energy = np.concatenate([energy[:, :1], energy[:, 1:].reshape(5, 4, 3).sum(axis=2)], axis=1)
    assert energy[0].argmax() == 0
    assert energy[4].argmax() == 4
    assert np.all(np.diff(energy.argmax(axis=1)) >= 0)


def test_each_channel_has_its_maps():
    x = values(2, 10, 9, 3)
    layer = built(x.shape, 2, 2)
    alone = built((2, 10, 9, 1), 2, 2)
    maps = [quick_output(alone, x[..., channel : channel + 1]) for channel in range(3)]
    assert_accurate(quick_output(layer, x), np.concatenate(maps, axis=-1))
    assert_accurate(inverse(layer, np.concatenate(maps, axis=-1)), x)


def test_the_gradient_is_the_inverse():
    x, cotangent = values(2, 9, 8, 2), values(2, 9, 8, 2 * 9, seed=1)
    layer = built(x.shape, 2, 3)
    _, (gradient,) = value_and_gradients(layer, [x], [cotangent], training=True, jit=True)
    assert_accurate(ops.convert_to_numpy(gradient), inverse(layer, cotangent), units=28)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_the_output_is_float32_for_other_floats(dtype):
    with double_precision():
        maps = ShearletTransform(1, 2, dtype="float32")(ops.convert_to_tensor(values(1, 8, 8, 1), dtype=dtype))
    assert keras.backend.standardize_dtype(maps.dtype) == "float32"


def test_low_precision_has_exact_filters():
    layer = ShearletTransform(2, 2, dtype="bfloat16")
    layer.build((1, 8, 9, 1))
    assert_accurate(filters_of(layer), shearlet_filters(8, 9, 2, 2))


def test_an_empty_batch():
    layer = built((0, 8, 9, 2), 1, 2)
    maps = quick_output(layer, np.zeros((0, 8, 9, 2), "float32"))
    assert maps.shape == (0, 8, 9, 8)
    assert inverse(layer, maps).shape == (0, 8, 9, 2)


@pytest.mark.parametrize("shape", [(1, 8, 9, 5), (1, 9, 8, 4), (8, 9, 4)])
def test_the_inverse_refuses_what_is_no_transform(shape):
    layer = built((1, 8, 9, 1), 1, 2)
    with pytest.raises(ValueError, match="Received: coefficients of") as caught:
        layer.inverse(ops.zeros(shape))
    assert str(shape) in str(caught.value)
