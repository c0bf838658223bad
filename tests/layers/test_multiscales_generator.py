import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import multiscales_generator_fn
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, values


def pooled(x, kernel_size, reduce):
    """Stride 2: the window of output pixel i begins so that what overlaps the border is shared by both ends."""
    height, width = x.shape[1:3]
    windows = []
    for size, extent in ((height, kernel_size[0]), (width, kernel_size[1])):
        count = -(-size // 2)
        first = -(max((count - 1) * 2 + extent - size, 0) // 2)
        windows.append([slice(max(first + 2 * i, 0), min(first + 2 * i + extent, size)) for i in range(count)])
    return np.array([[reduce(x[:, rows, columns], axis=(1, 2)) for columns in windows[1]] for rows in windows[0]])


def expected_scales(x, number, kernel_size, reduce, after=lambda x: x):
    found = [x.astype("float64")]
    for _ in range(number):
        found.append(after(np.moveaxis(pooled(found[-1], kernel_size, reduce), 2, 0)))
    return found


def found_scales(x, number, **arguments):
    scales = multiscales_generator_fn(x.shape, number, **arguments)(ops.convert_to_tensor(x))
    return [ops.convert_to_numpy(scale) for scale in scales]


@pytest.mark.parametrize("kernel_size", [(3, 3), (2, 2), (2, 5), (4, 1)])
@pytest.mark.parametrize(("use_max_pool", "reduce"), [(False, np.mean), (True, np.max)])
@pytest.mark.parametrize("shape", [(2, 9, 6, 3), (1, 5, 8, 1)])
def test_pools_again_and_again(shape, use_max_pool, reduce, kernel_size):
    x = values(*shape)
    found = found_scales(x, 3, kernel_size=kernel_size, use_max_pool=use_max_pool)
    for one, other in zip(found, expected_scales(x, 3, kernel_size, reduce), strict=True):
        assert_accurate(one, other)


def test_a_constant_stays_constant_up_to_the_border():
    for scale in found_scales(np.full((1, 11, 6, 2), 7, "float32"), 4):
        assert_accurate(scale, np.full(scale.shape, 7.0))


def normalized(x):
    return (x + 1e-5) / (x + 1e-5).sum(axis=-1, keepdims=True)


@pytest.mark.parametrize(
    ("arguments", "after"),
    [
        ({"clip_values": True}, lambda x: np.clip(x, 0, 255)),
        ({"round_values": True}, np.round),
        ({"clip_values": True, "round_values": True}, lambda x: np.round(np.clip(x, 0, 255))),
        ({"clip_values": True, "normalize_values": True}, lambda x: normalized(np.clip(x, 0, 255))),
    ],
)
def test_what_comes_after_each_pooling(arguments, after):
    x = 150 + 150 * values(2, 9, 6, 3)
    found = found_scales(x, 2, **arguments)
    np.testing.assert_array_equal(found[0], x)
    for one, other in zip(found, expected_scales(x, 2, (3, 3), np.mean, after), strict=True):
        assert_accurate(one, other)


def test_channels_sum_to_1():
    for scale in found_scales(np.abs(values(2, 8, 8, 3)), 3, normalize_values=True)[1:]:
        np.testing.assert_allclose(scale.sum(axis=-1), 1, rtol=1e-6)


def test_no_scales_are_the_images_alone():
    x = values(2, 4, 4, 3)
    (found,) = found_scales(x, 0)
    np.testing.assert_array_equal(found, x)


def test_symbolic_images():
    x = keras.Input((9, 6, 3))
    model = keras.Model(x, multiscales_generator_fn((None, None, None, 3), 2)(x))
    images = values(2, 9, 6, 3)
    for one, other in zip(model(images), found_scales(images, 2), strict=True):
        assert_accurate(ops.convert_to_numpy(one), other)


@pytest.mark.parametrize("use_max_pool", [False, True])
def test_compiles_with_gradients(use_max_pool):
    scales = multiscales_generator_fn((2, 7, 6, 3), 2, use_max_pool=use_max_pool)
    layer, x = keras.layers.Lambda(lambda images: scales(images)[1:]), values(2, 7, 6, 3)
    cotangents = [values(2, 4, 3, 3, seed=1), values(2, 2, 2, 3, seed=2)]
    compiled = value_and_gradients(layer, [x], cotangents, training=True, jit=True)
    eager = value_and_gradients(layer, [x], cotangents, training=True, jit=False)
    for one, other in zip(keras.tree.flatten(compiled), keras.tree.flatten(eager), strict=True):
        assert_accurate(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"shape": (9, 6, 3)}, "shape=(9, 6, 3)"),
        ({"no_scales": -1}, "no_scales=-1"),
        ({"no_scales": 1.5}, "no_scales=1.5"),
        ({"kernel_size": 0}, "kernel_size=0"),
    ],
)
def test_what_it_refuses(arguments, text):
    with pytest.raises(ValueError, match="Received: ") as caught:
        multiscales_generator_fn(**{"shape": (None, 9, 6, 3), "no_scales": 2, **arguments})
    assert text in str(caught.value)


@pytest.mark.parametrize("shape", [(9, 6, 3), (1, 9, 7, 3)])
def test_images_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"Received: shape=\(None, 9, 6, 3\)") as caught:
        multiscales_generator_fn((None, 9, 6, 3), 1)(ops.ones(shape))
    assert str(shape) in str(caught.value)
