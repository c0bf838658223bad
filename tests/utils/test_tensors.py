import keras
import numpy as np
import pytest
from keras import ops
from keras.ops import convert_to_numpy as numpy

from dl_techniques.utils.tensors import largest, window_partition, window_reverse, zero_pad
from tests._frameworks import value_and_gradients
from tests.oracles.compare import values


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 0), (0, 2), (3, 1)])
def test_zeros_at_the_ends_of_an_axis(axis, before, after):
    x = values(2, 3, 4)
    widths = [(before, after) if i == axis else (0, 0) for i in range(3)]
    found = numpy(zero_pad(ops.convert_to_tensor(x), axis, before=before, after=after))
    np.testing.assert_array_equal(found, np.pad(x, widths))


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2)])
def test_largest_elements(axis):
    x = values(3, 4, 5)
    np.testing.assert_array_equal(numpy(largest(ops.convert_to_tensor(x), axis)), x.max(axis=axis, keepdims=True))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_largest_of_what_is_not_finite(dtype):
    x = np.array([[1.0, np.inf], [-np.inf, -np.inf], [-np.inf, 2.0], [np.nan, 1.0], [0.0, 0.0]])
    found = numpy(ops.cast(largest(ops.cast(ops.convert_to_tensor(x), dtype), 1), "float32"))
    np.testing.assert_array_equal(found[:, 0], [np.inf, -np.inf, 2.0, np.nan, 0.0])


class LargestOfRow(keras.layers.Layer):
    def call(self, inputs):
        return largest(inputs, -1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize(("dtype", "unit"), [("float32", 2.0**-23), ("bfloat16", 2.0**-7), ("float16", 2.0**-10)])
def test_what_equals_the_largest_shares_the_gradient_under_xla_up_to_rounding(dtype, unit, jit):
    x = np.array([[1.0, 1.0 + unit, 0.5], [-1.0, -1.0 - unit, -1.5], [0.0, 0.0, 0.0]], "float32")
    layer = LargestOfRow(dtype=dtype)
    layer.build(x.shape)
    _, (gradient,) = value_and_gradients(layer, [x], [ops.full((3, 1), 3.0, dtype)], training=False, jit=jit)
    shares = jit and keras.config.backend() != "torch"
    expected = [[1.5, 1.5, 0], [1.5, 1.5, 0]] if shares else [[0, 3, 0], [3, 0, 0]]
    np.testing.assert_allclose(numpy(ops.cast(gradient, "float32")), [*expected, [1, 1, 1]])


def test_windows_come_row_by_row_and_image_after_image():
    x = values(2, 6, 4, 3)
    windows = [x[b, i : i + 2, j : j + 2] for b in range(2) for i in (0, 2, 4) for j in (0, 2)]
    np.testing.assert_array_equal(numpy(window_partition(ops.convert_to_tensor(x), 2)), windows)


def test_windows_of_another_height_than_width():
    x = values(2, 6, 4, 3)
    windows = [x[b, i : i + 3, j : j + 2] for b in range(2) for i in (0, 3) for j in (0, 2)]
    np.testing.assert_array_equal(numpy(window_partition(ops.convert_to_tensor(x), (3, 2))), windows)


@pytest.mark.parametrize(
    ("size", "height", "width"), [(1, 2, 3), (2, 4, 6), (3, 3, 3), (4, 8, 4), ((2, 3), 4, 6), ((4, 1), 4, 3)]
)
def test_the_reverse_puts_them_together_again(size, height, width):
    x = values(2, height, width, 5)
    windows = window_partition(ops.convert_to_tensor(x), size)
    np.testing.assert_array_equal(numpy(window_reverse(windows, size, height, width)), x)


def test_sizes_must_be_multiples_of_the_window():
    with pytest.raises(ValueError, match="Received: window_size=3, height=6, width=4"):
        window_partition(ops.ones((1, 6, 4, 1)), 3)
    with pytest.raises(ValueError, match="Received: window_size=3, height=4, width=6"):
        window_reverse(ops.ones((4, 3, 3, 1)), 3, 4, 6)
