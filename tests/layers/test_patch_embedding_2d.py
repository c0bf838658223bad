import keras
import numpy as np
import pytest

from dl_techniques.layers import PatchEmbedding2D
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

X = values(2, 4, 9, 3)


def patches(x, height, width):
    """Row by row, each flattened in the order row, column, channel."""
    rows, columns = range(0, x.shape[1], height), range(0, x.shape[2], width)
    cut = [x[:, i : i + height, j : j + width].reshape(len(x), -1) for i in rows for j in columns]
    return np.stack(cut, axis=1)


@pytest.mark.parametrize("patch_size", [1, (2, 3), [4, 9]])
def test_formula(patch_size):
    layer = randomized(PatchEmbedding2D(patch_size, 5, activation="tanh"), X.shape)
    kernel, bias = weights_of(layer)
    flat = patches(X.astype("float64"), *kernel.shape[:2])
    assert_accurate(output(layer, X), np.tanh(flat @ kernel.reshape(-1, 5) + bias))


def test_patches_of_one_pixel_are_a_dense_layer():
    layer, dense = randomized(PatchEmbedding2D(1, 5), X.shape), keras.layers.Dense(5)
    dense.build((None, 3))
    dense.set_weights([weights_of(layer)[0].reshape(3, 5), weights_of(layer)[1]])
    assert_accurate(output(layer, X), output(dense, X.reshape(2, 36, 3)))


def test_grid_of_patches():
    layer = PatchEmbedding2D([2, 3], 5)
    assert (layer.num_patches, layer.get_patch_grid_shape()) == (None, None)
    layer.build((None, 4, 9, 3))
    assert (layer.num_patches, layer.get_patch_grid_shape()) == (6, (2, 3))


@pytest.mark.parametrize("shape", [(None, None, 9, 3), (None, 4, None, 3)])
def test_images_of_unknown_size(shape):
    layer = PatchEmbedding2D((2, 3), 5)
    tokens = layer(keras.Input(shape[1:]))
    assert tokens.shape == layer.compute_output_shape(shape) == (None, None, 5)
    assert (layer.num_patches, layer.get_patch_grid_shape()) == (None, None)
    assert output(layer, X).shape == (2, 6, 5)


def test_number_of_weights():
    assert randomized(PatchEmbedding2D((2, 3), 5), X.shape).count_params() == 2 * 3 * 3 * 5 + 5
    assert randomized(PatchEmbedding2D((2, 3), 5, use_bias=False), X.shape).count_params() == 2 * 3 * 3 * 5
