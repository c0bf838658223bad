import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import RMSNorm
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import BFLOAT16_UNIT, assert_accurate, assert_same_function, output, rounded, values


@pytest.mark.parametrize(
    ("axis", "scale_shape"),
    [
        (-1, (5,)),
        (1, (3, 1, 1)),  # A single axis that is not the last: Keras' own operation is wrong there on torch.
        ([2, 3], (4, 5)),
        ((-1, 1), (3, 1, 5)),
    ],
)
def test_oracle(axis, scale_shape):
    axes = tuple(axis) if np.ndim(axis) else axis
    assert_same_function(
        RMSNorm(axis, epsilon=1e-3),
        lambda x, scale: norms.rms_norm(x, scale.reshape(scale_shape), axis=axes, epsilon=1e-3),
        values(2, 3, 4, 5),
        ["scale"],
    )


@pytest.mark.parametrize("axis", [-1, 1])
def test_no_scale(axis):
    layer = RMSNorm(axis, use_scale=False, epsilon=1e-3)
    assert_same_function(layer, lambda x: norms.rms_norm(x, axis=axis, epsilon=1e-3), values(2, 3, 4))
    assert layer.weights == []


def test_numbers_of_the_sheet():
    found = output(RMSNorm(), [[1.0, 2.0, 3.0, 4.0]])
    np.testing.assert_allclose(found, [[0.365148, 0.730297, 1.095445, 1.460593]], atol=1e-6)


def test_the_scale_is_one_gain_a_feature_whatever_the_length():
    layer = RMSNorm()
    layer.build((None, None, 8))
    assert layer.scale.shape == (8,)
    for length in (3, 7):
        assert output(layer, values(2, length, 8)).shape == (2, length, 8)


@pytest.mark.parametrize("axis", [-1, 1])
def test_scaling_the_input_changes_nothing(axis):
    x = values(4, 6, 8)
    assert_accurate(output(RMSNorm(axis, epsilon=1e-12), 1000 * x), output(RMSNorm(axis, epsilon=1e-12), x))


def test_equals_layer_normalization_of_centred_rows():
    x = values(4, 8)
    x -= np.mean(x, axis=-1, keepdims=True)
    assert_accurate(output(RMSNorm(epsilon=1e-3), x), output(keras.layers.LayerNormalization(epsilon=1e-3), x))


@pytest.mark.parametrize("axis", [-1, 1])
def test_zero_stays_zero_with_a_finite_gradient(axis):
    layer = RMSNorm(axis)
    layer.build((2, 3, 4))
    zeros = np.zeros((2, 3, 4), "float32")
    (y,), gradients = value_and_gradients(layer, [zeros], [values(2, 3, 4)], training=True, jit=True)
    assert not np.any(ops.convert_to_numpy(y))
    assert all(np.all(np.isfinite(ops.convert_to_numpy(gradient))) for gradient in gradients)


@pytest.mark.parametrize("axis", [-1, 1])
def test_low_precision_is_lost_only_in_the_last_step(axis):
    """The mean of squares in float32: in bfloat16 it would be off by percents, in float16 it would overflow."""
    x = 100 * values(2, 512, 512)
    narrow = RMSNorm(axis, dtype="bfloat16")
    expected = norms.rms_norm(rounded(x, "bfloat16"), axis=axis, epsilon=1e-6)
    assert_accurate(output(narrow, ops.cast(x, "bfloat16")), expected, units=0.51, unit=BFLOAT16_UNIT)
    large = ops.full((2, 4, 4), 1000.0, dtype="float16")
    np.testing.assert_array_equal(output(RMSNorm(axis, dtype="float16"), large), 1.0)
