"""Both forms, of the framework and of this library, against SciPy."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as numpy
from scipy.signal import correlate2d

from dl_techniques.layers import DepthwiseConv2D
from tests._frameworks import value_and_gradients
from tests.oracles.compare import GRADIENT_UNITS, assert_accurate, central_differences, output, randomized, values


def oracle(x, kernel, bias=0.0, *, strides=1, padding="valid", dilation_rate=1):
    """A dilated kernel has zeros between its taps; strides skip results."""
    reach = [(taps - 1) * dilation_rate + 1 for taps in kernel.shape[:2]]
    dilated = np.zeros((*reach, *kernel.shape[2:]))
    dilated[::dilation_rate, ::dilation_rate] = kernel
    if padding == "symmetric":
        x = np.pad(x, ((0, 0), *((extent // 2,) * 2 for extent in reach), (0, 0)))
    if padding == "same":
        sizes = zip(x.shape[1:3], reach, strict=True)
        missing = [max((-(-size // strides) - 1) * strides + extent - size, 0) for size, extent in sizes]
        x = np.pad(x, ((0, 0), *((total // 2, total - total // 2) for total in missing), (0, 0)))
    channels = range(x.shape[-1])
    y = [[correlate2d(image[..., c], dilated[..., c, 0], mode="valid") for c in channels] for image in x]
    return np.moveaxis(y, 1, -1)[:, ::strides, ::strides] + bias


CASES = {
    "same": ((2, 7, 6, 3), (3, 2), {"padding": "same"}),
    "strides": ((2, 7, 6, 3), 3, {"padding": "same", "strides": 2}),
    "strides beyond the kernel": ((1, 8, 7, 2), 2, {"strides": 3}),
    "one pixel": ((1, 3, 3, 2), 1, {"strides": 2}),
    "dilation": ((2, 9, 8, 2), (3, 2), {"dilation_rate": 2}),
    "dilation, same": ((1, 6, 7, 2), 3, {"dilation_rate": 3, "padding": "same"}),
    "more rows than bands": ((1, 31, 4, 2), 5, {"padding": "same"}),
    "symmetric": ((2, 8, 6, 3), (3, 5), {"padding": "symmetric", "strides": 2}),
    "dilation, symmetric": ((1, 6, 7, 2), 3, {"dilation_rate": 2, "padding": "symmetric"}),
    "bands and strides": ((1, 33, 5, 2), 3, {"strides": 2}),
}


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("case", CASES)
def test_formula_and_gradients(case, jit):
    shape, kernel_size, options = CASES[case]
    layer, x = randomized(DepthwiseConv2D(kernel_size, **options), shape), values(*shape)
    arguments = [x, *map(numpy, layer.trainable_weights)]
    arguments = [argument.astype("float64") for argument in arguments]
    expected = oracle(*arguments, **options)
    cotangent = values(*expected.shape, seed=99)
    (found,), gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    assert layer.compute_output_shape(shape) == expected.shape
    assert_accurate(numpy(found), expected)
    for index, gradient in enumerate(gradients):
        slopes = central_differences(lambda *a: oracle(*a, **options), arguments, index, cotangent)
        assert_accurate(numpy(gradient), slopes, GRADIENT_UNITS)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_half_precision(jit):
    """The compiled form adds 49 products in float32."""
    layer = randomized(DepthwiseConv2D(7, padding="same", dtype="float16", use_bias=False), (1, 9, 9, 2))
    x = values(1, 9, 9, 2).astype("float16")
    (found,), _ = value_and_gradients(layer, [x], [np.ones_like(x)], training=False, jit=jit)
    assert keras.backend.standardize_dtype(found.dtype) == "float16"
    kernel = numpy(layer.kernel).astype("float64")
    assert_accurate(numpy(found).astype("float64"), oracle(x.astype("float64"), kernel, padding="same"), unit=2**-11)


def test_equals_the_layer_of_keras():
    ours, x = randomized(DepthwiseConv2D(3, padding="same"), (2, 5, 6, 4)), values(2, 5, 6, 4)
    theirs = keras.layers.DepthwiseConv2D(3, padding="same", data_format="channels_last")
    theirs.build(x.shape)
    theirs.set_weights([numpy(weight) for weight in ours.weights])
    assert_accurate(output(ours, x), output(theirs, x))


def test_unknown_image_size():
    layer = DepthwiseConv2D(3, 2)
    assert layer.compute_output_shape((None, None, 7, 4)) == (None, None, 3, 4)
    assert layer(keras.Input((None, None, 4))).shape == (None, None, None, 4)
