from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_rank
from dl_techniques._serialization import serializable
from dl_techniques._shapes import pair
from dl_techniques.layers.image._filter import ImageFilter
from dl_techniques.layers.image._kernels import check_sigma, gaussian_kernel
from dl_techniques.utils.depthwise import depthwise_conv2d


@serializable
class GaussianFilter(ImageFilter):
    """Blurs each channel of an image with a Gaussian, fixed or as the start of a learned kernel.

    Formula: `y = k * x`, zeros around the image, with `k[i, j]` proportional to
    `exp(-(i - (height - 1) / 2)^2 / (2 sigma_h^2) - (j - (width - 1) / 2)^2 / (2 sigma_w^2))` and a sum of 1.

    Args:
        kernel_size: int or pair of them, height and width of the kernel. An even size moves the image by half a pixel.
        strides: int or pair of them, for height and width.
        sigma: float or pair of them, the standard deviation in pixels. None, or a number that is not positive, stands
            for half of `kernel_size - 1`, so that the kernel ends one standard deviation from its centre.
        padding: "same" or "valid".
        trainable: bool, whether `kernel` is learned, each channel on its own.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), channels)` for "same"; for "valid" height and
        width are first less by `kernel_size - 1`.

    Example:

    >>> dot = keras.ops.reshape(keras.ops.one_hot(12, 25), (1, 5, 5, 1))
    >>> print(keras.ops.convert_to_numpy(GaussianFilter((3, 3), sigma=0.5)(dot))[0, 1:4, 1:4, 0].round(4))
    [[0.0113 0.0838 0.0113]
     [0.0838 0.6193 0.0838]
     [0.0113 0.0838 0.0113]]

    References:
        No paper.
    """

    _kernel_is_constant = False

    def __init__(
        self,
        kernel_size: int | Sequence[int] = (5, 5),
        strides: int | Sequence[int] = (1, 1),
        *,
        sigma: float | Sequence[float] | None = -1.0,
        padding: str = "same",
        trainable: bool = False,
        **kwargs,
    ):
        super().__init__(kernel_size, strides, padding=padding, trainable=trainable, **kwargs)
        check_sigma(sigma)
        self.sigma = sigma

    def _kernel_values(self):
        return gaussian_kernel(self._kernel_size, self.sigma)


def gaussian_filter(
    inputs,
    kernel_size: int | Sequence[int] = (5, 5),
    *,
    sigma: float | Sequence[float] | None = -1.0,
    strides: int | Sequence[int] = (1, 1),
    padding: str = "same",
):
    """Blurs images with a Gaussian: the layer `GaussianFilter` as a function, with the same defaults and no weights.

    Args:
        inputs: float tensor `(batch, height, width, channels)`.
        kernel_size: int or pair of them, height and width of the kernel.
        sigma: float or pair of them, the standard deviation in pixels; see the layer.
        strides: int or pair of them, for height and width.
        padding: "same" or "valid".

    Example:

    >>> image = keras.random.normal((1, 8, 8, 3))
    >>> tuple(gaussian_filter(image, (3, 3), strides=(2, 2)).shape)
    (1, 4, 4, 3)
    """
    check_rank(inputs.shape, 4)
    kernel_size, strides = pair(kernel_size=kernel_size), pair(strides=strides)
    check_sigma(sigma)
    check_choice(("same", "valid"), padding=padding)
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    kernel = ops.convert_to_tensor(gaussian_kernel(kernel_size, sigma), dtype=dtype)
    kernel = ops.broadcast_to(kernel[:, :, None, None], (*kernel_size, inputs.shape[-1], 1))
    return depthwise_conv2d(inputs, kernel, strides, padding)
