import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import GlobalResponseNormalization
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import BFLOAT16_UNIT, assert_accurate, assert_same_function, output, rounded, values


def test_oracle():
    assert_same_function(
        GlobalResponseNormalization(epsilon=1e-3),
        lambda x, gamma, beta: norms.global_response_norm(x, gamma, beta, epsilon=1e-3),
        values(2, 3, 4, 5),
        ["gamma", "beta"],
    )


def test_numbers_of_the_sheet():
    layer = GlobalResponseNormalization(gamma_initializer="ones")
    found = output(layer, np.arange(1.0, 13.0, dtype="float32").reshape(1, 2, 2, 3))
    np.testing.assert_allclose(found[0, 0, 0], [1.87957, 3.997347, 6.365268], rtol=1e-6)


def test_starts_as_the_identity():
    x = values(2, 3, 4, 5)
    np.testing.assert_array_equal(output(GlobalResponseNormalization(), x), x)


def response(x, **arguments):
    """The factor N that the layer applies, where nothing else is left."""
    layer = GlobalResponseNormalization(gamma_initializer="ones", **arguments)
    return output(layer, x) / x - 1


def test_the_response_has_mean_one_and_ignores_the_scale_of_the_input():
    x = values(2, 3, 4, 5) + 4
    np.testing.assert_allclose(np.mean(response(x), axis=-1), 1, rtol=1e-5)
    for factor in (1e-5, 100):
        np.testing.assert_allclose(response(factor * x, epsilon=1e-12), response(x, epsilon=1e-12), rtol=1e-5)


def test_each_image_by_itself():
    layer = GlobalResponseNormalization(gamma_initializer="ones")
    x = values(3, 2, 2, 4)
    assert_accurate(output(layer, x)[1:2], output(layer, x[1:2]))


def test_moving_pixels_moves_the_output():
    layer = GlobalResponseNormalization(gamma_initializer="ones")
    x = values(2, 3, 4, 5)
    order = np.random.default_rng(1).permutation(12)
    assert_accurate(
        output(layer, x.reshape(2, 12, 5)[:, order].reshape(2, 3, 4, 5)).reshape(2, 12, 5),
        output(layer, x).reshape(2, 12, 5)[:, order],
    )


def test_unknown_height_and_width():
    inputs = keras.Input((None, None, 4))
    layer = GlobalResponseNormalization(gamma_initializer="ones")
    model = keras.Model(inputs, layer(inputs))
    for x in (values(2, 3, 5, 4), values(1, 6, 2, 4)):
        np.testing.assert_array_equal(output(model, x), output(layer, x))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dead", [slice(None), slice(1)], ids=["all", "one"])
def test_dead_channels_have_a_finite_gradient(dead, jit):
    layer = GlobalResponseNormalization(gamma_initializer="ones")
    x = values(2, 3, 4, 5)
    x[..., dead] = 0
    layer.build(x.shape)
    (y,), gradients = value_and_gradients(layer, [x], [values(*x.shape, seed=1)], training=True, jit=jit)
    assert not np.any(ops.convert_to_numpy(y)[..., dead])
    assert all(np.all(np.isfinite(ops.convert_to_numpy(gradient))) for gradient in gradients)


def test_low_precision_is_lost_only_in_the_last_step():
    x = 10 * values(1, 32, 32, 4)
    layer = GlobalResponseNormalization(gamma_initializer="ones", dtype="bfloat16")
    expected = norms.global_response_norm(rounded(x, "bfloat16"), 1.0, 0.0, epsilon=1e-6)
    assert_accurate(output(layer, ops.cast(x, "bfloat16")), expected, units=0.51, unit=BFLOAT16_UNIT)
    large = ops.full((1, 32, 32, 4), 100.0, dtype="float16")
    np.testing.assert_array_equal(
        output(GlobalResponseNormalization(gamma_initializer="ones", dtype="float16"), large), 200.0
    )
