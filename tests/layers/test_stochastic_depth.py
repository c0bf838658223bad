import numpy as np
import pytest

from dl_techniques.layers import StochasticDepth
from tests.oracles.compare import output, values


def kept(y):
    """Which samples were kept."""
    return np.any(y.reshape(len(y), -1), axis=1)


def test_each_sample_is_dropped_whole_or_enlarged():
    x = values(64, 3, 4)
    y = output(StochasticDepth(0.2, seed=1), x, training=True)
    assert 0 < np.sum(kept(y)) < 64
    np.testing.assert_allclose(y[kept(y)], x[kept(y)] / 0.8, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_samples_are_dropped_at_the_rate_given(rate):
    """Within five standard deviations: wrong by chance once in two million runs, and the seed is fixed."""
    y = output(StochasticDepth(rate, seed=1), np.ones((10_000, 1), "float32"), training=True)
    assert abs(np.mean(~kept(y)) - rate) < 5 * np.sqrt(rate * (1 - rate) / 10_000)


def test_each_call_draws_anew():
    layer = StochasticDepth(0.5, seed=1)
    draws = [kept(output(layer, np.ones((64, 1), "float32"), training=True)) for _ in range(2)]
    assert not np.array_equal(*draws)


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_inference_is_the_identity(rate):
    x = values(8, 3)
    np.testing.assert_array_equal(output(StochasticDepth(rate), x, training=False), x)
    np.testing.assert_array_equal(output(StochasticDepth(rate), x), x)


def test_rate_zero_is_the_identity_in_training():
    x = values(8, 3)
    np.testing.assert_array_equal(output(StochasticDepth(0.0), x, training=True), x)


def test_any_batch_size_on_one_instance():
    layer = StochasticDepth(0.5)
    for batch in (1, 5, 2):
        assert output(layer, values(batch, 3), training=True).shape == (batch, 3)
