import keras
import numpy as np
import pytest
from keras import ops
from scipy import ndimage

from dl_techniques.layers import GaussianFilter, gaussian_filter
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, output, values


def blurred(x, radius, sigma):
    """SciPy's filter on each channel, with zeros around the image."""
    spatial = {"axes": (1, 2), "mode": "constant", "radius": radius}
    return ndimage.gaussian_filter(x.astype("float64"), sigma, **spatial)


def kernel_of(**arguments):
    layer = GaussianFilter(**arguments)
    layer.build((None, 9, 9, 2))
    kernel = ops.convert_to_numpy(layer.kernel.value)
    np.testing.assert_array_equal(kernel[:, :, 0], kernel[:, :, 1])
    return kernel[:, :, 0, 0]


@pytest.mark.parametrize(
    ("kernel_size", "sigma"),
    [((5, 5), 1.0), ((3, 3), 2), ((3, 7), 1.5), ((7, 3), (0.5, 2.0)), ((1, 5), 1.0), ((9, 9), 0.3)],
)
def test_same_as_scipy(kernel_size, sigma):
    x = values(2, 9, 10, 3)
    expected = blurred(x, [size // 2 for size in kernel_size], sigma)
    assert_accurate(output(GaussianFilter(kernel_size, sigma=sigma), x), expected)
    assert_accurate(
        ops.convert_to_numpy(gaussian_filter(ops.convert_to_tensor(x), kernel_size, sigma=sigma)), expected
    )


@pytest.mark.parametrize("sigma", [-1.0, None, 0, -0.5])
def test_without_sigma_the_kernel_ends_one_standard_deviation_from_its_centre(sigma):
    x = values(2, 9, 10, 3)
    assert_accurate(output(GaussianFilter((5, 3), sigma=sigma), x), blurred(x, [2, 1], (2.0, 1.0)))
    assert_accurate(kernel_of(kernel_size=(1, 1), sigma=sigma), [[1.0]])


@pytest.mark.parametrize("arguments", [{}, {"kernel_size": 3}, {"strides": 2}], ids=str)
def test_the_function_is_the_layer(arguments):
    x = values(2, 9, 7, 3)
    size, stride = arguments.get("kernel_size", 5), arguments.get("strides", 1)
    expected = blurred(x, size // 2, (size - 1) / 2)[:, ::stride, ::stride]
    assert_accurate(output(GaussianFilter(**arguments), x), expected)
    assert_accurate(ops.convert_to_numpy(gaussian_filter(ops.convert_to_tensor(x), **arguments)), expected)


@pytest.mark.parametrize(("kernel_size", "sigma"), [((4, 6), (1.5, 0.7)), ((2, 2), 0.01), ((5, 3), 1e-200)])
def test_kernel_is_symmetric_with_sum_1(kernel_size, sigma):
    kernel = kernel_of(kernel_size=kernel_size, sigma=sigma)
    np.testing.assert_allclose(kernel.sum(), 1, rtol=1e-6)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])


def test_a_wider_sigma_blurs_more():
    centres = [kernel_of(sigma=sigma)[2, 2] for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert centres == sorted(centres, reverse=True)


def test_valid_keeps_only_what_the_kernel_covers():
    x = values(2, 9, 10, 3)
    inner = blurred(x, [1, 2], 1.0)[:, 1:-1, 2:-2]
    assert_accurate(output(GaussianFilter((3, 5), sigma=1.0, padding="valid"), x), inner)
    constant = output(GaussianFilter((4, 5), padding="valid"), np.full((1, 6, 7, 2), 3, "float32"))
    assert_accurate(constant, np.full((1, 3, 3, 2), 3.0))


@pytest.mark.parametrize("strides", [(2, 2), (1, 2), (2, 3)])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_strides_leave_out_pixels(strides, padding):
    x = values(2, 9, 7, 3)
    layer = GaussianFilter((3, 3), strides, sigma=1.0, padding=padding)
    inset = int(padding == "valid")
    all_pixels = blurred(x, 1, 1.0)[:, inset : 9 - inset, inset : 7 - inset]
    expected = all_pixels[:, :: strides[0], :: strides[1]]
    found = output(layer, x)
    assert found.shape == layer.compute_output_shape(x.shape)
    assert_accurate(found, expected)
    function = gaussian_filter(ops.convert_to_tensor(x), (3, 3), sigma=1.0, strides=strides, padding=padding)
    assert_accurate(ops.convert_to_numpy(function), expected)


def test_two_blurs_are_one_wider_blur():
    x = values(1, 31, 31, 1)
    twice = output(GaussianFilter((15, 15), sigma=2.0), output(GaussianFilter((13, 13), sigma=1.5), x))
    once = output(GaussianFilter((21, 21), sigma=2.5), x)
    np.testing.assert_allclose(twice[:, 14:17, 14:17], once[:, 14:17, 14:17], rtol=0, atol=2e-3)


@pytest.mark.parametrize("trainable", [False, True])
def test_the_kernel_is_learned_if_asked_for(trainable):
    layer = GaussianFilter(trainable=trainable)
    layer.build((None, 5, 5, 3))
    assert [weight.shape for weight in layer.weights] == [(5, 5, 3, 1)]
    assert layer.trainable_weights == (layer.weights if trainable else [])


@pytest.mark.parametrize("jit", [False, True])
def test_the_function_compiles_and_has_a_gradient(jit):
    layer = keras.layers.Lambda(lambda x: gaussian_filter(x, (3, 5), sigma=(0.5, 1.5)))
    x, cotangent = values(2, 7, 6, 3), values(2, 7, 6, 3, seed=1)
    (y,), (gradient,) = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    assert_accurate(ops.convert_to_numpy(y), blurred(x, [1, 2], (0.5, 1.5)))
    assert_accurate(ops.convert_to_numpy(gradient), blurred(cotangent, [1, 2], (0.5, 1.5)))


@pytest.mark.parametrize(
    "arguments", [{"kernel_size": 0}, {"strides": (1,)}, {"sigma": "wide"}, {"padding": "full"}], ids=str
)
def test_the_function_refuses_what_the_layer_refuses(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=rf"Received: {name}=") as caught:
        gaussian_filter(ops.ones((1, 5, 5, 1)), **arguments)
    assert repr(value) in str(caught.value)
