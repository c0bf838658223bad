import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import DecoupledMaxLogit
from tests._frameworks import value_and_gradients
from tests.oracles import norms
from tests.oracles.compare import GRADIENT_UNITS, assert_accurate, central_differences, values


def outputs(layer, x):
    return [ops.convert_to_numpy(y) for y in layer(ops.convert_to_tensor(x))]


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_oracle(axis):
    axes = tuple(axis) if np.ndim(axis) else axis
    layer = DecoupledMaxLogit(2.5, axis, epsilon=0.1)
    x = values(2, 3, 4)

    def oracle(x):
        return np.stack(norms.decoupled_max_logit(x, constant=2.5, axis=axes, epsilon=0.1))

    expected = oracle(x.astype("float64"))
    cotangent = values(*expected.shape, seed=1)
    layer.build(x.shape)
    found, (gradient,) = value_and_gradients(layer, [x], list(cotangent), training=True, jit=False)
    for one, other in zip(found, expected, strict=True):
        assert_accurate(ops.convert_to_numpy(one), other)
    differences = central_differences(oracle, [x.astype("float64")], 0, cotangent)
    assert_accurate(ops.convert_to_numpy(gradient), differences, GRADIENT_UNITS)


def test_known_numbers():
    found = outputs(DecoupledMaxLogit(), np.float32([[3, 4]]))
    np.testing.assert_allclose(found, [[5.8], [0.8], [5.0]], rtol=1e-6)


def test_the_two_parts_multiply_to_the_largest_logit():
    x = values(16, 8)
    _, cosine, norm = outputs(DecoupledMaxLogit(), x)
    assert_accurate(cosine * norm, x.max(axis=-1))


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_the_cosine_ignores_the_length(factor):
    x = values(16, 8)
    assert_accurate(outputs(DecoupledMaxLogit(epsilon=1e-12), factor * x)[1], outputs(DecoupledMaxLogit(), x)[1])


def test_a_functional_model_has_three_outputs(tmp_path):
    inputs = keras.Input((8,))
    model = keras.Model(inputs, DecoupledMaxLogit(2.0)(inputs))
    assert [y.shape for y in model.outputs] == [(None,)] * 3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(outputs(loaded, values(4, 8)), outputs(DecoupledMaxLogit(2.0), values(4, 8)))


@pytest.mark.parametrize("jit", [False, True])
def test_zero_has_a_finite_gradient(jit):
    layer = DecoupledMaxLogit()
    zeros = np.zeros((2, 4), "float32")
    layer.build(zeros.shape)
    _, (gradient,) = value_and_gradients(layer, [zeros], [values(2)] * 3, training=True, jit=jit)
    assert np.all(np.isfinite(ops.convert_to_numpy(gradient)))
