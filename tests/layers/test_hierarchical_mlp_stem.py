import keras
import numpy as np
import pytest

from dl_techniques.layers import HierarchicalMLPStem
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.convolution import batch_norm
from tests.oracles.ffn import gelu, layer_norm

X = values(2, 32, 48, 3)
DIM = 32


def make(norm_layer="layer", patch_size=16, **arguments):
    layer = randomized(HierarchicalMLPStem(DIM, patch_size, norm_layer=norm_layer, **arguments), (None, *X.shape[1:]))
    for weight in layer.non_trainable_weights:
        if weight.name.startswith("moving"):
            weight.assign(np.random.default_rng(0).uniform(0.5, 2, weight.shape))
    return layer


def blocks(x, size):
    """(batch, rows, columns, size * size * channels)"""
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // size, size, width // size, size, channels)
    return x.swapaxes(2, 3).reshape(batch, height // size, width // size, -1)


def expected(layer, x, training=False):
    x = x.astype("float64")
    for stage, (conv, norm) in enumerate(zip(layer.convs, layer.norms, strict=True)):
        kernel, bias = weights_of(conv)
        x = blocks(gelu(x) if stage else x, len(kernel)) @ kernel.reshape(-1, kernel.shape[-1]) + bias
        if layer.norm_layer == "batch":
            gain, offset, mean, variance = weights_of(norm)
            if training:
                mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
            x = batch_norm(x, gain, offset, mean, variance)
        else:
            x = layer_norm(x, *weights_of(norm), epsilon=1e-6)
    return x.reshape(len(x), -1, x.shape[-1])


@pytest.mark.parametrize("patch_size", [4, 8, 16])
@pytest.mark.parametrize("norm_layer", ["layer", "batch"])
def test_formula(norm_layer, patch_size):
    layer = make(norm_layer, patch_size)
    assert_accurate(output(layer, X), expected(layer, X), units=64)


@pytest.mark.parametrize("norm_layer", ["layer", "batch"])
def test_a_token_depends_on_its_own_patch_only(norm_layer):
    layer, changed = make(norm_layer), X.copy()
    changed[0, 16:, 32:] += 1
    differs = np.any(np.abs(output(layer, changed) - output(layer, X)) > 1e-6, axis=-1)
    assert np.argwhere(differs).tolist() == [[0, 5]]


def test_masking_before_and_after_the_stem_agree_on_what_is_left():
    layer = make()
    mask = np.array([[0, 1, 0, 0, 1, 0], [1, 1, 0, 0, 0, 0]], bool)
    pixels = mask.reshape(2, 2, 3).repeat(16, axis=1).repeat(16, axis=2)[..., None]
    before, after = output(layer, np.where(pixels, 0, X)), output(layer, X)
    np.testing.assert_allclose(before[~mask], after[~mask], rtol=0, atol=1e-6)
    assert np.all(np.any(np.abs(before - after) > 1e-3, axis=-1) == mask)


def test_permuted_patches_give_permuted_tokens():
    layer = make()
    swapped = np.concatenate([X[:, 16:], X[:, :16]], axis=1)
    np.testing.assert_allclose(output(layer, swapped), output(layer, X)[:, [3, 4, 5, 0, 1, 2]], rtol=0, atol=1e-6)


def test_batch_statistics_are_used_in_training():
    layer = make("batch")
    assert_accurate(output(layer, X, training=True), expected(layer, X, training=True), units=64)


def test_images_of_unknown_size():
    layer = HierarchicalMLPStem(DIM)
    assert layer(keras.Input((None, None, 3))).shape == (None, None, DIM)
    assert output(layer, X).shape == (2, 6, DIM)


def test_number_of_weights():
    kernels = 4 * 4 * 3 * 8 + 2 * 2 * 8 * 8 + 2 * 2 * 8 * 32
    assert make().count_params() == kernels + 3 * (8 + 8 + 32)
    assert make("batch", use_bias=False).count_params() == kernels + 4 * (8 + 8 + 32)
