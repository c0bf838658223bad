import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import NonLocalAttention
from tests.oracles.convolution import batch_norm, depthwise, layer_norm
from tests.oracles.image_attention import non_local

CHANNELS, ATTENTION = 4, 3


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 5, 4, CHANNELS)).astype("float32")


def make(**arguments):
    layer = NonLocalAttention(ATTENTION, **{"kernel_size": 3, "use_bias": True, **arguments})
    layer.build((None, None, None, CHANNELS))
    random = np.random.default_rng(1)
    for weight in layer.weights:
        positive = weight.name == "moving_variance"
        weight.assign(
            random.uniform(0.5, 2, weight.shape) if positive else random.normal(scale=0.5, size=weight.shape)
        )
    return layer


def expected(layer, x):
    kernel, bias = map(numpy, layer.depthwise.weights)
    hidden = np.maximum(depthwise(x.astype("float64"), kernel) + bias, 0)
    if layer.normalization == "batch":
        hidden = batch_norm(hidden, *map(numpy, layer.norm.weights), epsilon=1e-5)
    elif layer.normalization == "layer":
        hidden = layer_norm(hidden, *map(numpy, layer.norm.weights), epsilon=1e-5)
    query, key, value, output = (
        [numpy(w) for w in getattr(layer, f"{name}_projection").weights]
        for name in ("query", "key", "value", "output")
    )
    key = np.maximum(hidden @ key[0] + key[1], 0)
    y = non_local(hidden @ query[0] + query[1], key, hidden @ value[0] + value[1], layer.attention_mode)
    y = np.tanh(y @ output[0] + output[1])
    return x + y if layer.use_residual else y


@pytest.mark.parametrize("attention_mode", ["gaussian", "dot_product"])
@pytest.mark.parametrize("normalization", ["batch", "layer", None])
def test_formula(x, normalization, attention_mode):
    layer = make(
        normalization=normalization, attention_mode=attention_mode, output_activation="tanh", output_channels=6
    )
    np.testing.assert_allclose(numpy(layer(x)), expected(layer, x), rtol=0, atol=1e-5)


def test_the_residual_block_starts_as_the_identity(x):
    fresh = NonLocalAttention(ATTENTION, use_residual=True)
    np.testing.assert_array_equal(numpy(fresh(x)), x)
    layer = make(use_residual=True, output_activation="tanh")
    np.testing.assert_allclose(numpy(layer(x)), expected(layer, x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("attention_mode", ["gaussian", "dot_product"])
def test_permuted_pixels_permute_the_output(x, attention_mode):
    layer = make(kernel_size=1, attention_mode=attention_mode)
    order = np.random.default_rng(2).permutation(20)

    def permuted(images):
        return images.reshape(2, 20, -1)[:, order].reshape(images.shape)

    np.testing.assert_allclose(numpy(layer(permuted(x))), permuted(numpy(layer(x))), rtol=0, atol=1e-5)


def test_scores_do_not_matter_where_all_values_are_equal(x):
    layer = make()
    kernel, bias = layer.value_projection.weights
    kernel.assign(np.zeros(kernel.shape))
    output, output_bias = map(numpy, layer.output_projection.weights)
    wanted = np.broadcast_to(numpy(bias) @ output + output_bias, x.shape)
    np.testing.assert_allclose(numpy(layer(x)), wanted, rtol=0, atol=1e-5)


def test_dot_product_is_linear_in_the_values(x):
    layer = make(attention_mode="dot_product", use_bias=False)
    once = numpy(layer(x))
    layer.value_projection.kernel.assign(3 * layer.value_projection.kernel)
    np.testing.assert_allclose(numpy(layer(x)), 3 * once, rtol=0, atol=1e-5)


def test_batch_normalization_learns_its_statistics(x):
    layer = make()
    before = numpy(layer.norm.moving_mean)
    hidden = depthwise(x.astype("float64"), numpy(layer.depthwise.kernel)) + numpy(layer.depthwise.bias)
    batch = np.maximum(hidden, 0).mean(axis=(0, 1, 2))
    layer(x, training=True)
    np.testing.assert_allclose(numpy(layer.norm.moving_mean), 0.9 * before + 0.1 * batch, rtol=0, atol=1e-6)


def test_dropout_acts_on_the_output(x):
    layer = make(normalization=None, dropout_rate=0.5, seed=0)
    y, kept = numpy(layer(x, training=True)), 2 * numpy(layer(x))
    assert 0.3 < np.mean(y == 0) < 0.7
    np.testing.assert_allclose(y, np.where(y == 0, 0.0, kept), rtol=1e-5)


def test_number_of_weights():
    projections = CHANNELS * 3 * ATTENTION + ATTENTION * 6
    layer = make(use_bias=False, kernel_size=(5, 3), output_channels=6)
    assert layer.count_params() == 5 * 3 * CHANNELS + 4 * CHANNELS + projections
    assert make(normalization=None).count_params() == 10 * CHANNELS + 4 * CHANNELS * 3 + 3 * 3 + CHANNELS


def test_unknown_sizes(x):
    layer = make()
    inputs = keras.Input((None, None, CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, None, CHANNELS)
    np.testing.assert_allclose(numpy(model(x)), numpy(layer(x)), rtol=0, atol=1e-6)


def test_a_residual_of_another_width_is_rejected():
    with pytest.raises(ValueError, match="Received: output_channels=6"):
        NonLocalAttention(ATTENTION, output_channels=6, use_residual=True).build((None, 5, 4, CHANNELS))
