import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import SwinTransformerBlock, WindowAttention
from dl_techniques.layers.transformer.swin_transformer_block import shifted_window_mask
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.transformer import swin_block

DIM, HEADS = 8, 2


def make(shape, window_size=3, shift_size=0, **arguments):
    block = SwinTransformerBlock(DIM, HEADS, window_size=window_size, shift_size=shift_size, **arguments)
    return randomized(block, (None, *shape, DIM)), values(2, *shape, DIM)


def expected(layer, x, window, shift):
    attention = layer.attention
    return swin_block(
        x.astype("float64"),
        [weights_of(layer.attention_norm), weights_of(layer.mlp_norm)],
        [weights_of(attention.qkv), numpy(attention.relative_position_bias_table), weights_of(attention.proj)],
        [weights_of(layer.mlp.fc1), weights_of(layer.mlp.fc2)],
        window=window,
        shift=shift,
        num_heads=HEADS,
    )


@pytest.mark.parametrize("shift", [0, 1, 2])
@pytest.mark.parametrize("shape", [(6, 9), (5, 7), (4, 6)])
def test_formula(shape, shift):
    """The oracle cuts windows at an offset instead of rolling; sizes that are no multiples are padded."""
    layer, x = make(shape, 3, shift)
    assert_accurate(output(layer, x), expected(layer, x, 3, shift), units=64)


@pytest.mark.parametrize(
    ("shape", "window", "shift"),
    [((3, 3), (3, 3), 0), ((4, 4), (4, 4), 0), ((2, 5), (2, 4), (0, 2)), ((5, 4), (4, 4), (2, 0))],
)
def test_where_an_image_fits_into_one_window_it_is_not_shifted(shape, window, shift):
    """And the window is no larger than the image, on each axis."""
    layer, x = make(shape, 4, 2)
    assert layer.attention.window_size == window
    assert_accurate(output(layer, x), expected(layer, x, window, shift), units=64)
    assert (layer.window_size, layer.shift_size) == (4, 2)


def test_one_row_of_windows_is_shifted_sideways():
    """As in torchvision: of 21 columns in windows of 7, shifted by 3, the column 6 shares one with 3 to 9."""
    layer, x = make((7, 21), 7, 3)
    changed = x.copy()
    changed[:, 2, 6] *= -2
    differs = np.abs(output(layer, changed) - output(layer, x)) > 1e-6
    assert sorted(set(np.argwhere(differs)[:, 2].tolist())) == list(range(3, 10))
    assert sorted(set(np.argwhere(differs)[:, 1].tolist())) == list(range(7))


def test_mask_of_a_shifted_image():
    labels = np.array([[0, 0, 0, 0], [1, 2, 1, 2], [3, 3, 6, 6], [4, 5, 7, 8]])
    np.testing.assert_array_equal(
        numpy(shifted_window_mask(4, 4, (2, 2), (1, 1))), labels[:, :, None] == labels[:, None, :]
    )


def test_what_the_roll_brings_together_stays_apart():
    layer, x = make((4, 4), 2, 1)
    changed = x.copy()
    changed[0, 3, 3] *= -2
    differs = np.any(np.abs(output(layer, changed) - output(layer, x)) > 1e-6, axis=-1)
    assert np.argwhere(differs).tolist() == [[0, 3, 3]]


def test_windows_that_are_not_shifted_are_independent():
    layer, x = make((6, 6))
    changed = x.copy()
    changed[0, 4, 1] *= -2
    differs = np.any(np.abs(output(layer, changed) - output(layer, x)) > 1e-6, axis=-1)
    assert {(0, *place) for place in np.argwhere(differs[0]).tolist()} == {
        (0, row, column) for row in (3, 4, 5) for column in (0, 1, 2)
    }
    assert not differs[1].any()


def test_one_window_is_full_attention():
    layer, x = make((3, 3))
    attention = WindowAttention(DIM, 3, num_heads=HEADS)
    attention.build((None, 9, DIM))
    attention.set_weights(layer.attention.get_weights())
    y = x + numpy(attention(keras.ops.reshape(layer.attention_norm(x), (2, 9, DIM)))).reshape(x.shape)
    np.testing.assert_allclose(output(layer, x), y + numpy(layer.mlp(layer.mlp_norm(y))), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shift", [0, 1])
def test_no_output_kernels_are_the_identity(shift):
    layer, x = make((5, 7), 3, shift)
    for dense in (layer.attention.proj, layer.mlp.fc2):
        dense.set_weights([np.zeros(w.shape) for w in dense.weights])
    np.testing.assert_array_equal(output(layer, x), x)


def test_drop_path_drops_branches_of_samples():
    layer, _ = make((3, 3), drop_path_rate=0.5, seed=1)
    x = values(64, 3, 3, DIM)
    for dense, bias in ((layer.attention.proj, 1.0), (layer.mlp.fc2, 10.0)):
        dense.set_weights([np.zeros(dense.kernel.shape), np.full(DIM, bias)])
    difference = (output(layer, x, training=True) - x).round(3)
    assert np.all(np.ptp(difference.reshape(64, -1), axis=1) == 0)
    assert set(np.unique(difference)) == {0.0, 2.0, 20.0, 22.0}


def test_dropouts_act_in_training_only():
    for name in ("dropout_rate", "attention_dropout_rate"):
        layer, x = make((5, 7), 3, 1, **{name: 0.5}, seed=1)
        still, _ = make((5, 7), 3, 1)
        assert np.any(output(layer, x, training=True) != output(still, x))
        np.testing.assert_array_equal(output(layer, x), output(still, x))


def test_number_of_weights():
    attention = DIM * 3 * DIM + 3 * DIM + DIM * DIM + DIM + 25 * HEADS + 81
    network = DIM * 32 + 32 + 32 * DIM + DIM
    assert make((5, 7))[0].count_params() == attention + network + 4 * DIM
    without = make((5, 7), use_bias=False, qkv_bias=False)[0].count_params()
    assert without == 4 * DIM * DIM + 25 * HEADS + 81 + 2 * DIM * 32 + 2 * DIM
