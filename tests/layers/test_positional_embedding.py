import numpy as np
import pytest

from dl_techniques.layers import PositionalEmbedding
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of


@pytest.mark.parametrize("length", [1, 5, 7])
def test_formula(length):
    layer, x = randomized(PositionalEmbedding(7, 4), (None, None, 4)), values(2, length, 4)
    assert_accurate(output(layer, x), x.astype("float64") + weights_of(layer)[0][:, :length])


def test_scale_is_the_spread_of_the_first_vectors():
    """A truncated normal distribution ends at two standard deviations, and the spread of the rest is 0.88 of them."""
    layer = PositionalEmbedding(200, 50, scale=0.5)
    table = output(layer, np.zeros((1, 200, 50), "float32"))
    assert np.abs(table).max() <= 1.0
    np.testing.assert_allclose(table.std(), 0.5 * 0.88, rtol=0.15)


def test_scale_zero_is_the_identity():
    x = values(2, 5, 4)
    np.testing.assert_array_equal(output(PositionalEmbedding(7, 4, scale=0.0), x), x)


def test_dropout_of_the_sum():
    layer = PositionalEmbedding(64, 32, dropout_rate=0.5, scale=0.0, seed=1)
    y = output(layer, np.ones((1, 64, 32), "float32"), training=True)
    assert set(np.unique(y)) == {0.0, 2.0}
    assert 0.4 < np.mean(y == 0) < 0.6


def test_one_instance_takes_any_length_up_to_the_maximum():
    layer = PositionalEmbedding(7, 4)
    for length in (5, 7):
        assert output(layer, values(2, length, 4)).shape == (2, length, 4)
    with pytest.raises(ValueError, match=r"Received: max_seq_len=7, input_shape=\(2, 8, 4\)"):
        layer(values(2, 8, 4))


def test_number_of_weights():
    layer = PositionalEmbedding(7, 4)
    layer.build((None, 5, 4))
    assert layer.pos_embedding.shape == (1, 7, 4)
    assert layer.count_params() == 28
