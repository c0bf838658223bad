import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import A2C2fBlock
from tests.layers._yolo12 import (
    assert_every_norm_trains,
    attention_block_oracle,
    c3k_oracle,
    conv_weights,
    exact,
    load_attention_block,
    load_conv,
    randomized,
)
from tests.oracles import ultralytics
from tests.oracles.channels_first import Draw
from tests.oracles.compare import assert_accurate, output, values
from tests.oracles.yolo12 import a2c2f

CHANNELS = 8
X = values(2, 4, 3, CHANNELS)


def make(filters=CHANNELS, n=1, **arguments):
    return randomized(A2C2fBlock(filters, n, **arguments), (None, 4, 3, CHANNELS))


def stages(layer, *, num_heads=1, area=1):
    if not layer.use_attention:
        return [[c3k_oracle(block)] for block in layer.blocks]
    blocks = [attention_block_oracle(block, num_heads=num_heads, area=area) for block in layer.blocks]
    return [blocks[i : i + 2] for i in range(0, len(blocks), 2)]


def expected(layer, gamma=None, **attention):
    return a2c2f(X, conv_weights(layer.enter), conv_weights(layer.leave), stages(layer, **attention), gamma)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("use_attention", [True, False])
@pytest.mark.parametrize("residual", [True, False])
def test_formula(n, use_attention, residual):
    layer = make(n=n, area=2, use_attention=use_attention, residual=residual)
    gamma = exact(layer.gain.gamma) if residual else None
    assert_accurate(output(layer, X), expected(layer, gamma, area=2), units=128)


@pytest.mark.parametrize(("filters", "num_heads"), [(2, 1), (64, 1), (126, 1), (128, 2), (160, 2)])
def test_a_head_for_each_32_channels(filters, num_heads):
    layer = make(filters)
    found = output(layer, X)
    assert found.shape == layer.compute_output_shape(X.shape) == (2, 4, 3, filters)
    assert_accurate(found, expected(layer, num_heads=num_heads), units=128)


def test_heads_that_do_not_divide_the_channels_are_rejected():
    with pytest.raises(ValueError, match="Received: dim=67, num_heads=2"):
        A2C2fBlock(134)


def test_no_gain_is_the_identity():
    layer = make(residual=True)
    layer.gain.gamma.assign(np.zeros(CHANNELS))
    np.testing.assert_array_equal(output(layer, X), X)


def test_the_gain_starts_small_and_is_free():
    layer = A2C2fBlock(CHANNELS, residual=True)
    layer.build(X.shape)
    np.testing.assert_array_equal(numpy(layer.gain.gamma), np.full(CHANNELS, 0.01, "float32"))
    assert layer.gain.gamma.constraint is None


@pytest.mark.parametrize("piece", range(3))
def test_every_piece_reaches_the_last_convolution(piece):
    layer = make(n=2)
    kernel = exact(layer.leave.conv.kernel)
    assert kernel.shape == (1, 1, 3 * CHANNELS // 2, CHANNELS)
    before = output(layer, X)
    kernel[:, :, piece * CHANNELS // 2 : (piece + 1) * CHANNELS // 2] = 0
    layer.leave.conv.kernel.assign(kernel)
    assert np.abs(output(layer, X) - before).max() > 1e-2


def test_every_norm_trains():
    for use_attention in (True, False):
        assert_every_norm_trains(make(n=2, use_attention=use_attention, residual=True), X)


def test_number_of_weights():
    """Two attention blocks a stage, or a C3k block of two bottlenecks."""
    half, quarter = CHANNELS // 2, CHANNELS // 4
    ends = CHANNELS * half + 4 * half + 3 * half * CHANNELS + 4 * CHANNELS
    attention = 4 * half * half + 25 * half + 4 * 5 * half + 2 * half * 2 * half + 4 * 3 * half
    c3k = half * half + 4 * half + half * half + 4 * half + 4 * (9 * quarter * quarter + 4 * quarter)
    assert make(n=2).count_params() == ends + 4 * attention
    assert make(n=2, use_attention=False).count_params() == ends + 2 * c3k
    assert make(n=2, residual=True).count_params() == ends + 4 * attention + CHANNELS


@pytest.mark.parametrize("residual", [False, True])
def test_ultralytics(residual):
    """Two pieces and two heads; the larger models have the residual, and networks of 1.2 times the width."""
    draw, filters, hidden, mlp_ratio = Draw(8), 128, 64, 1.2 if residual else 2.0
    channels = filters if residual else 12
    weights = {
        "cv1": (draw.kernel(hidden, channels), draw.norm(hidden)),
        "cv2": (draw.kernel(filters, 3 * hidden), draw.norm(filters)),
        "m": [ultralytics.draw_attention_block(draw, hidden, mlp_ratio, 7) for _ in range(4)],
    }
    layer = A2C2fBlock(filters, 2, area=2, residual=residual, mlp_ratio=mlp_ratio, pe_kernel_size=7)
    x = values(1, 2, 3, channels)
    layer.build(x.shape)
    load_conv(layer.enter, *weights["cv1"])
    load_conv(layer.leave, *weights["cv2"])
    for block, its in zip(layer.blocks, weights["m"], strict=True):
        load_attention_block(block, its, 2)
    if residual:
        weights["gamma"] = draw.random.normal(size=filters)
        layer.gain.gamma.assign(weights["gamma"])
    expected = ultralytics.a2c2f(x.astype("float64").transpose(0, 3, 1, 2), weights, area=2)
    assert_accurate(output(layer, x).transpose(0, 3, 1, 2), expected, units=256)
