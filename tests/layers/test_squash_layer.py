import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import SquashLayer
from tests._frameworks import value_and_gradients
from tests.oracles.capsules import squash
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


@pytest.mark.parametrize(("axis", "epsilon"), [(-1, 1e-7), (1, 1e-2), ((1, 2), 1e-7)])
def test_oracle(axis, epsilon):
    assert_same_function(SquashLayer(axis, epsilon), lambda x: squash(x, axis, epsilon), values(2, 3, 4))


@pytest.mark.parametrize(("length", "squashed"), [(1.0, 0.5), (10.0, 0.990099), (0.1, 0.0099010)])
def test_known_lengths(length, squashed):
    direction = values(1, 8)
    v = output(SquashLayer(), length * direction / np.linalg.norm(direction))
    assert np.linalg.norm(v) == pytest.approx(squashed, rel=2e-5)


def test_length_is_below_one_and_direction_is_kept():
    s = 10 * values(64, 8)
    v = output(SquashLayer(), s)
    assert np.linalg.norm(v, axis=-1).max() < 1
    cosine = np.sum(s * v, axis=-1) / (np.linalg.norm(s, axis=-1) * np.linalg.norm(v, axis=-1))
    np.testing.assert_allclose(cosine, 1, rtol=1e-6)


def test_zero_stays_zero_with_a_finite_gradient():
    layer, x = SquashLayer(), np.zeros((2, 4), "float32")
    layer.build(x.shape)
    (v,), (gradient,) = value_and_gradients(layer, [x], [values(2, 4)], training=True, jit=False)
    assert not numpy(v).any()
    np.testing.assert_array_equal(numpy(gradient), 0)


def test_long_vectors_of_float16():
    """Whose squares float16 does not hold."""
    s = np.array([[300.0, 400.0], [3e4, 4e4]])
    v = output(SquashLayer(dtype="float16"), s.astype("float16"))
    assert_accurate(v, [[0.6, 0.8], [0.6, 0.8]], unit=2.0**-10, units=1)
