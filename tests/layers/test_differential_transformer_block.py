import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import DifferentialTransformerBlock
from tests.layers._differential_transformer import differential_block_of
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of

DIM, HEADS, LENGTH = 8, 2, 5
X = values(2, LENGTH, DIM)


def make(**arguments):
    layer = DifferentialTransformerBlock(DIM, HEADS, **{"ffn_multiple_of": 1, **arguments})
    return randomized(layer, (None, LENGTH, DIM))


@pytest.mark.parametrize("layer_idx", [0, 1, 5])
def test_formula(layer_idx):
    layer = make(layer_idx=layer_idx)
    assert_accurate(output(layer, X), differential_block_of(layer, X), units=64)


def test_formula_for_small_inputs():
    """As small as the epsilon of the norms."""
    layer, x = make(head_dim=3), 1e-3 * X
    assert_accurate(output(layer, x), differential_block_of(layer, x), units=128)


def test_attention_and_network_are_told():
    layer = make(
        num_kv_heads=1,
        head_dim=4,
        max_seq_len=7,
        rope_percentage=0.5,
        rope_theta=500.0,
        kernel_regularizer=keras.regularizers.L1(0.5),
    )
    attention = layer.attention
    assert (attention.num_kv_heads, attention.head_dim) == (1, 4)
    rope = attention.rope
    assert (rope.max_seq_len, rope.rope_percentage, rope.rope_theta) == (7, 0.5, 500.0)
    kernels = [weight for weight in weights_of(layer) if weight.ndim == 2]
    expected = 0.5 * sum(np.abs(kernel).sum() for kernel in kernels)
    assert len(kernels) == 7 + 2  # The tables of the position embedding are no kernels.
    expected -= 0.5 * sum(np.abs(table).sum() for table in weights_of(rope))
    assert float(ops.convert_to_numpy(sum(layer.losses))) == pytest.approx(expected, rel=1e-5)


def test_masks():
    mask = np.random.default_rng(0).random((2, LENGTH, LENGTH)) < 0.6
    padding = np.array([[True] * 3 + [False] * 2, [True] * 5])
    joined = (mask & padding[:, None] & np.tri(LENGTH, dtype=bool))[:, None]
    layer = make()
    found = output(layer, X, attention_mask=mask, mask=padding, use_causal_mask=True)
    assert_accurate(found, differential_block_of(layer, X, joined), units=64)


def test_no_output_kernels_are_the_identity():
    layer = make()
    for dense in (layer.attention.output_projection, layer.ffn.down_proj):
        dense.set_weights([np.zeros(dense.kernel.shape)])
    np.testing.assert_array_equal(output(layer, X), X)


def test_permuted_tokens_give_a_permuted_output():
    order = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(output(make(), X[:, order]), output(make(), X)[:, order], rtol=0, atol=1e-4)


@pytest.mark.parametrize("silent", ["attention", "ffn"])
@pytest.mark.parametrize("rate", ["dropout_rate", "drop_path_rate"])
def test_dropouts(silent, rate):
    """One branch returns nothing, so the other is dropped or doubled: element by element, or sample by sample."""
    x = values(64, 4, DIM)
    layer = randomized(DifferentialTransformerBlock(DIM, HEADS, **{rate: 0.5}, seed=1), x.shape)
    dense = {"attention": layer.attention.output_projection, "ffn": layer.ffn.down_proj}[silent]
    dense.set_weights([np.zeros(dense.kernel.shape)])
    difference, branch = output(layer, x, training=True) - x, output(layer, x) - x
    dropped = np.abs(difference) < 1e-6
    np.testing.assert_allclose(difference, np.where(dropped, 0, 2 * branch), rtol=0, atol=1e-4)
    assert 0.3 < dropped.mean() < 0.7
    whole_samples = np.all(dropped == dropped[:, :1, :1])
    assert whole_samples == (rate == "drop_path_rate")


def test_attention_dropout_acts_in_training_only():
    layer = make(attention_dropout_rate=0.5, seed=1)
    assert np.any(output(layer, X, training=True) != output(make(), X))
    np.testing.assert_array_equal(output(layer, X), output(make(), X))


def test_the_network_is_eight_thirds_as_wide():
    assert DifferentialTransformerBlock(12, 2, ffn_multiple_of=1).ffn.hidden_dim == 32


def test_number_of_weights():
    vectors = 4 * 2 + 4 + 2 * DIM
    assert make().count_params() == 4 * DIM**2 + 3 * DIM * 21 + vectors
    wide = make(head_dim=3, ffn_expansion_factor=2)
    assert wide.count_params() == 4 * DIM * 12 + 3 * DIM * 10 + 4 * 3 + 6 + 2 * DIM
