import numpy as np
import pytest

from dl_techniques.layers import YOLOv12AttentionBlock
from tests.layers._yolo12 import (
    assert_every_norm_trains,
    attention_block_oracle,
    load_attention_block,
    randomized,
    silence,
)
from tests.oracles import ultralytics
from tests.oracles.channels_first import Draw
from tests.oracles.compare import assert_accurate, output, values

DIM, HEADS = 8, 2
X = values(2, 4, 3, DIM)


def make(**arguments):
    return randomized(YOLOv12AttentionBlock(DIM, HEADS, **arguments), (None, 4, 3, DIM))


@pytest.mark.parametrize("area", [1, 2, 6])
@pytest.mark.parametrize("mlp_ratio", [1.2, 2.0])
def test_formula(area, mlp_ratio):
    layer = make(area=area, mlp_ratio=mlp_ratio)
    assert_accurate(output(layer, X), attention_block_oracle(layer, num_heads=HEADS, area=area)(X), units=64)


def test_silent_branches_are_the_identity():
    layer = make()
    silence(layer.attention.output_projection)
    silence(layer.project)
    np.testing.assert_array_equal(output(layer, X), X)


@pytest.mark.parametrize("part", ["attention", "network"])
def test_each_branch_has_a_residual(part):
    layer = make()
    silence(layer.project if part == "attention" else layer.attention.output_projection)
    difference = output(layer, X) - X
    branch = output(layer.attention, X) if part == "attention" else output(layer.project, layer.expand(X))
    np.testing.assert_allclose(difference, branch, rtol=0, atol=1e-5)
    assert np.all(np.abs(difference).max(axis=(0, 1, 2)) > 1e-3)


def test_every_norm_trains():
    assert_every_norm_trains(make(), X)


@pytest.mark.parametrize(("mlp_ratio", "hidden"), [(1.2, 9), (2.0, 16), (0.125, 1)])
def test_number_of_weights(mlp_ratio, hidden):
    attention = DIM * 2 * DIM + DIM * DIM + 25 * DIM + DIM * DIM + 4 * 5 * DIM
    assert make(mlp_ratio=mlp_ratio).count_params() == attention + 2 * DIM * hidden + 4 * (hidden + DIM)


def test_a_network_without_channels_is_rejected():
    with pytest.raises(ValueError, match="Received: filters=0"):
        YOLOv12AttentionBlock(DIM, HEADS, mlp_ratio=0.1)


@pytest.mark.parametrize("area", [1, 2])
@pytest.mark.parametrize("pe_kernel_size", [5, 7])
def test_ultralytics(area, pe_kernel_size):
    weights = ultralytics.draw_attention_block(Draw(7), DIM, 1.2, pe_kernel_size)
    layer = make(area=area, pe_kernel_size=pe_kernel_size)
    load_attention_block(layer, weights, HEADS)
    first = X.astype("float64").transpose(0, 3, 1, 2)
    expected = ultralytics.attention_block(first, weights, num_heads=HEADS, area=area)
    assert_accurate(output(layer, X).transpose(0, 3, 1, 2), expected, units=64)
