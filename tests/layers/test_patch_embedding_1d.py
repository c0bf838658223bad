from dataclasses import replace

import keras
import numpy as np
import pytest

from dl_techniques.catalogue import TECHNIQUES
from dl_techniques.layers import PatchEmbedding1d
from tests.contract import CHECKS
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of


def make(length, patch_size, stride=None, padding="causal", **arguments):
    layer = PatchEmbedding1d(patch_size, 5, stride=stride, padding=padding, **arguments)
    return randomized(layer, (None, length, 3)), values(2, length, 3)


def embed(x, layer, ends):
    """Patches that end at these time steps; what lies outside the series is zero."""
    kernel, bias = weights_of(layer)
    size = len(kernel)
    padded = np.pad(x.astype("float64"), ((0, 0), (size, size), (0, 0)))
    cut = [padded[:, end + 1 : end + 1 + size].reshape(len(x), -1) for end in ends]
    return np.stack(cut, axis=1) @ kernel.reshape(-1, 5) + bias


@pytest.mark.parametrize(
    ("length", "patch_size", "stride", "ends"),
    [
        (8, 4, None, [3, 7]),
        (10, 4, None, [1, 5, 9]),
        (10, 4, 3, [0, 3, 6, 9]),
        (7, 2, 5, [1, 6]),
        (3, 5, None, [2]),
        (4, 3, 1, [0, 1, 2, 3]),
    ],
)
def test_causal_patches_end_with_the_series(length, patch_size, stride, ends):
    layer, x = make(length, patch_size, stride)
    assert_accurate(output(layer, x), embed(x, layer, ends))


@pytest.mark.parametrize(
    ("length", "patch_size", "stride", "ends"), [(8, 4, None, [3, 7]), (10, 4, 3, [3, 6, 9]), (9, 4, 3, [3, 6])]
)
def test_valid_patches(length, patch_size, stride, ends):
    layer, x = make(length, patch_size, stride, "valid")
    assert_accurate(output(layer, x), embed(x, layer, ends))


@pytest.mark.parametrize(
    ("length", "patch_size", "stride", "ends"),
    [(8, 4, None, [3, 7]), (10, 4, None, [2, 6, 10]), (10, 3, 1, [*range(1, 11)])],
)
def test_same_patches_share_the_padding_between_the_ends(length, patch_size, stride, ends):
    layer, x = make(length, patch_size, stride, "same")
    assert_accurate(output(layer, x), embed(x, layer, ends))


@pytest.mark.parametrize("padding", ["causal", "same", "valid"])
@pytest.mark.parametrize("stride", [None, 1, 2, 3, 5])
@pytest.mark.parametrize("length", [4, 7, 8, 10])
def test_number_of_patches(length, stride, padding):
    layer, x = make(length, 4, stride, padding)
    assert output(layer, x).shape == layer.compute_output_shape(x.shape)


def test_missing_values_count_as_zero():
    layer, x = make(10, 4)
    missing, zero = x.copy(), x.copy()
    missing[0, 3:5], zero[0, 3:5] = np.nan, 0.0
    np.testing.assert_array_equal(output(layer, missing), output(layer, zero))


@pytest.mark.parametrize("stride", [None, 1, 3])
def test_a_causal_patch_does_not_see_what_comes_after_it(stride):
    layer, x = make(10, 4, stride)
    changed = x.copy()
    changed[:, 7:] += 1
    same = np.all(output(layer, changed) == output(layer, x), axis=(0, 2))
    ends = np.arange(9, -1, -(stride or 4))[::-1]
    np.testing.assert_array_equal(same, ends < 7)


def test_series_of_unknown_length():
    layer = PatchEmbedding1d(4, 5)
    assert layer(keras.Input((None, 3))).shape == (None, None, 5)
    assert output(layer, values(2, 10, 3)).shape == (2, 3, 5)


def test_number_of_weights():
    assert make(10, 4)[0].count_params() == 4 * 3 * 5 + 5
    assert make(10, 4, use_bias=False)[0].count_params() == 4 * 3 * 5


def test_causal_patches_keep_the_contract_too():
    """The row of the catalogue has to have another padding, as this one is the default."""
    row = next(row for row in TECHNIQUES if row.cls is PatchEmbedding1d)
    causal = replace(row, arguments={**row.arguments, "padding": "causal"}, rejects=(), rejects_inputs=())
    excepted = {exception.partition(":")[2] for exception in row.xfail}
    for check in CHECKS:
        if check.__name__ not in excepted:
            check(causal)
