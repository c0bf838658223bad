import keras
import numpy as np
import pytest
from keras import ops
from scipy.stats import kstest

from dl_techniques.layers import Sampling
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, values


def draw(layer, mean, log_variance, **options):
    return ops.convert_to_numpy(layer([ops.convert_to_tensor(mean), ops.convert_to_tensor(log_variance)], **options))


@pytest.mark.parametrize("training", [False, True])
def test_draws_from_the_normal_distribution_given(training):
    mean, log_variance = np.full(20_000, 3.0, "float32"), np.full(20_000, np.log(4), "float32")
    z = draw(Sampling(seed=1), mean[:, None], log_variance[:, None], training=training)
    assert kstest(z[:, 0], "norm", args=(3, 2)).pvalue > 1e-4


def test_each_element_has_its_own_mean_and_variance():
    mean, log_variance = values(4, 5), values(4, 5, seed=1)
    z = draw(Sampling(seed=1), np.repeat(mean[None], 4000, 0), np.repeat(log_variance[None], 4000, 0))
    deviation = np.exp(log_variance / 2)
    np.testing.assert_array_less(np.abs(z.mean(axis=0) - mean), 5 * deviation / np.sqrt(4000))
    np.testing.assert_allclose(z.std(axis=0), deviation, rtol=5 / np.sqrt(2 * 4000))


def test_no_variance_leaves_the_mean():
    mean = values(4, 5)
    np.testing.assert_allclose(draw(Sampling(), mean, np.full((4, 5), -20.0, "float32")), mean, atol=3e-4)


def test_gradients_pass_the_draw():
    layer = Sampling(seed=1)
    mean, log_variance, cotangent = values(4, 5), values(4, 5, seed=1), values(4, 5, seed=2)
    layer.build([mean.shape, log_variance.shape])
    (z,), gradients = value_and_gradients(layer, [mean, log_variance], [cotangent], training=True, jit=False)
    by_mean, by_log_variance = map(ops.convert_to_numpy, gradients)
    np.testing.assert_array_equal(by_mean, cotangent)
    assert_accurate(by_log_variance, cotangent * 0.5 * (ops.convert_to_numpy(z) - mean))


def test_equal_seeds_agree_and_each_call_draws_anew():
    zeros = np.zeros((4, 5), "float32")
    one, other = Sampling(seed=7), Sampling(seed=7)
    first = draw(one, zeros, zeros)
    np.testing.assert_array_equal(draw(other, zeros, zeros), first)
    assert np.all(draw(one, zeros, zeros) != first)
    assert np.all(draw(Sampling(seed=8), zeros, zeros) != first)


def test_any_rank_and_any_batch_on_one_instance():
    layer = Sampling()
    for shape in ((2, 3, 4, 5), (7, 3, 4, 5), (1, 3, 4, 5)):
        assert draw(layer, values(*shape), values(*shape)).shape == shape


def test_a_model_draws_in_prediction_too():
    mean, log_variance = keras.Input((3,)), keras.Input((3,))
    model = keras.Model([mean, log_variance], Sampling()([mean, log_variance]))
    inputs = [np.zeros((4, 3), "float32")] * 2
    assert np.all(model.predict(inputs, verbose=0) != model.predict(inputs, verbose=0))


@pytest.mark.parametrize("count", [1, 3])
def test_a_call_takes_two_inputs_also_when_built(count):
    layer = Sampling()
    layer.build([(None, 3), (None, 3)])
    with pytest.raises(ValueError, match=r"must be a list of two tensors.* Received"):
        layer([ops.zeros((2, 3))] * count)


def test_unknown_sizes_are_left_to_the_call():
    Sampling().build([(None, None, 3), (2, 4, 3)])
