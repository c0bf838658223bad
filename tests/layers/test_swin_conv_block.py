import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import SwinConvBlock
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.transformer import swin_block, swin_conv_block

CONV, TRANS, HEAD = 3, 8, 4
CHANNELS = CONV + TRANS


def make(shape=(5, 7), window_size=3, **arguments):
    layer = SwinConvBlock(CONV, TRANS, head_dim=HEAD, window_size=window_size, **arguments)
    return randomized(layer, (None, *shape, CHANNELS)), values(2, *shape, CHANNELS)


def expected(layer, x, window, shift):
    block = layer.swin
    attention = [weights_of(part) for part in (block.attention.qkv, block.attention.proj)]
    table = numpy(block.attention.relative_position_bias_table)

    def swin(distant):
        return swin_block(
            distant,
            [weights_of(block.attention_norm), weights_of(block.mlp_norm)],
            [attention[0], table, attention[1]],
            [weights_of(block.mlp.fc1), weights_of(block.mlp.fc2)],
            window=window,
            shift=shift,
            num_heads=TRANS // HEAD,
        )

    convolutions = [weights_of(part)[0] for part in (layer.convolution1, layer.convolution2)]
    return swin_conv_block(x.astype("float64"), weights_of(layer.split), convolutions, swin, weights_of(layer.merge))


@pytest.mark.parametrize("window", [2, 3, 5])
@pytest.mark.parametrize("block_type", ["W", "SW"])
@pytest.mark.parametrize("shape", [(6, 9), (5, 7)])
def test_formula(shape, block_type, window):
    """Windows of "SW" begin at half their size, rounded down, unless the image fits into one along that axis."""
    layer, x = make(shape, window, block_type=block_type)
    shift = [window // 2 if block_type == "SW" and size > window else 0 for size in shape]
    assert_accurate(output(layer, x), expected(layer, x, window, shift), units=64)


def test_without_output_it_is_the_identity():
    layer, x = make()
    layer.merge.set_weights([np.zeros(weight.shape) for weight in layer.merge.weights])
    np.testing.assert_array_equal(output(layer, x), x)


def changed_rows(layer, x, row):
    moved = x.copy()
    moved[:, row] *= -2
    differs = np.abs(output(layer, moved) - output(layer, x)) > 1e-6
    return sorted(set(np.argwhere(differs)[:, 1].tolist()))


@pytest.mark.parametrize(("block_type", "rows"), [("W", [0, 1, 2, 3]), ("SW", [0, 1])])
def test_the_top_does_not_see_the_bottom(block_type, rows):
    """Of 10 rows in windows of 4, shifted by 2, the roll brings the first two together with the last two."""
    layer, x = make((10, 10), 4, block_type=block_type)
    layer.convolution2.set_weights([np.zeros(layer.convolution2.kernel.shape)])
    assert changed_rows(layer, x, 0) == rows


def test_convolutions_see_two_pixels_far():
    layer, x = make((9, 9), 1)
    assert changed_rows(layer, x, 4) == [2, 3, 4, 5, 6]


def test_samples_do_not_see_each_other():
    layer, x = make(block_type="SW")
    assert_accurate(output(layer, x[::-1]), output(layer, x)[::-1])


def test_drop_path_acts_in_training_only():
    layer, x = make(drop_path=0.5, seed=1)
    still, _ = make()
    np.testing.assert_array_equal(output(layer, x), output(still, x))
    assert np.any(output(layer, x, training=True) != output(still, x))


def test_number_of_weights():
    """At 32 + 32 channels that of the published network, which has no biases in its 3 x 3 convolutions."""
    layer = SwinConvBlock(32, 32)
    layer.build((None, 16, 16, 64))
    pointwise, convolutions = 2 * (64 * 64 + 64), 2 * 9 * 32 * 32
    attention = 32 * 96 + 96 + 32 * 32 + 32 + 15 * 15
    network = 32 * 128 + 128 + 128 * 32 + 32
    trained = sum(weight.size for weight in map(numpy, layer.trainable_weights))
    assert trained == pointwise + convolutions + attention + network + 4 * 32
    without = SwinConvBlock(32, 32, use_bias=False)
    without.build((None, 16, 16, 64))
    assert {weight.name for weight in without.trainable_weights} == {"kernel", "gamma", "relative_position_bias_table"}


def test_ratio_of_the_network():
    assert make(mlp_ratio=1.5)[0].swin.mlp.fc1.units == 12
