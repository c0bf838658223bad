import keras
import numpy as np
import pytest

from dl_techniques.layers import PrimaryCapsule
from tests.oracles.capsules import squash
from tests.oracles.compare import assert_accurate, output, randomized, values, weights_of
from tests.oracles.convolution import cross_correlation

X = values(2, 7, 6, 2)


@pytest.mark.parametrize("how", [{}, {"strides": (2, 1), "padding": "same"}], ids=str)
def test_formula(how):
    layer = randomized(PrimaryCapsule(3, 4, kernel_size=(3, 2), **how), X.shape)
    kernel, bias = weights_of(layer.conv)
    maps = (cross_correlation(X.astype("float64"), kernel, **how) + bias).real
    expected = np.array(
        [
            [squash(pixel[4 * capsule : 4 * capsule + 4]) for row in image for pixel in row for capsule in range(3)]
            for image in maps
        ]
    )
    assert layer.compute_output_shape(X.shape) == expected.shape
    assert_accurate(output(layer, X), expected, units=16)


def test_is_a_convolution_squashed():
    layer = randomized(PrimaryCapsule(3, 4, kernel_size=3, use_bias=False), X.shape)
    convolution = keras.layers.Conv2D(12, 3, use_bias=False)
    convolution.build(X.shape)
    convolution.set_weights(layer.get_weights())
    found, maps = output(layer, X), output(convolution, X)
    assert_accurate(found, squash(maps.astype("float64").reshape(2, -1, 4)))
    assert np.linalg.norm(found, axis=-1).max() < 1


def test_the_network_of_the_paper_has_1152_capsules():
    layer = PrimaryCapsule(32, 8, kernel_size=9, strides=2)
    assert layer.compute_output_shape((None, 20, 20, 256)) == (None, 6 * 6 * 32, 8)
    assert layer.compute_output_shape((None, None, 20, 256)) == (None, None, 8)
    assert layer.conv.kernel_size == (9, 9)


def test_the_components_of_a_capsule_are_neighbouring_channels():
    layer = PrimaryCapsule(2, 3, kernel_size=1)
    layer.build((1, 1, 1, 1))
    layer.conv.set_weights([np.zeros((1, 1, 1, 6)), np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])])
    found = output(layer, np.zeros((1, 1, 1, 1), "float32"))
    assert_accurate(found, squash(np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]])))


def test_an_image_smaller_than_the_kernel_is_refused():
    with pytest.raises(ValueError, match=r"must not be smaller than the kernel.*Received: input_shape=\(2, 4, 6, 2\)"):
        PrimaryCapsule(3, 4, kernel_size=5).build((2, 4, 6, 2))
