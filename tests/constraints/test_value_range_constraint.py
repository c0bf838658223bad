import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.constraints import ValueRangeConstraint
from tests.oracles.compare import values


def constrained(w, *bounds):
    return ops.convert_to_numpy(ValueRangeConstraint(*bounds)(ops.convert_to_tensor(np.float32(w))))


@pytest.mark.parametrize("bounds", [(-0.5, 0.25), (-0.5, 0.0), (0.0, None), (-1, 1), (0.3, 0.3)])
def test_equals_clip(bounds):
    w = values(4, 6)
    expected = np.clip(w, *bounds)
    np.testing.assert_array_equal(constrained(w, *bounds), expected)
    np.testing.assert_array_equal(constrained(expected, *bounds), expected)


def test_what_is_inside_stays():
    w = np.linspace(-0.5, 0.25, 7, dtype="float32")
    np.testing.assert_array_equal(constrained(w, -0.5, 0.25), w)


def test_infinities_are_clipped_and_nan_stays():
    found = constrained([-np.inf, np.inf, np.nan], -1.0, 1.0)
    np.testing.assert_array_equal(found, [-1, 1, np.nan])


def test_an_empty_weight_stays_empty():
    assert constrained(np.zeros((0, 3)), 0.0, 1.0).shape == (0, 3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_dtype_is_kept(dtype):
    w = ValueRangeConstraint(-0.5, 0.25)(ops.cast(values(4), dtype))
    assert keras.backend.standardize_dtype(w.dtype) == dtype


def test_acts_on_a_weight_after_its_update():
    layer = keras.layers.Dense(2, kernel_initializer="zeros", kernel_constraint=ValueRangeConstraint(-0.5, 0.25))
    layer.build((None, 1))
    keras.optimizers.SGD(1.0).apply([ops.convert_to_tensor([[1.0, -1.0]])], [layer.kernel])
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.kernel), [[-0.5, 0.25]])
