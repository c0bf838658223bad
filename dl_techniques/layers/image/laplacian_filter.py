from collections.abc import Sequence

from dl_techniques._checks import check_number
from dl_techniques._serialization import serializable
from dl_techniques.layers.image._filter import ImageFilter
from dl_techniques.layers.image._kernels import check_sigma, difference_of_gaussians


@serializable
class LaplacianFilter(ImageFilter):
    """Keeps the edges and the details of an image: each channel minus its Gaussian blur.

    Close to the negative Laplacian of the blurred image, times `sigma^2 / 2`: it is positive on what is brighter than
    its neighbourhood. `AdvancedLaplacianFilter` has the Laplacian itself.

    Formula: `y = scale_factor * (x - g * x)` with the kernel `g` of `GaussianFilter`. Around the image is zero, so the
    frame of a bright image lights up.

    Args:
        kernel_size: odd int >= 3 or pair of them, height and width of the kernel.
        strides: int or pair of them, for height and width.
        sigma: float or pair of them, the standard deviation of the blur in pixels. None, or a number that is not
            positive, stands for half of `kernel_size - 1`.
        scale_factor: float, gain.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), channels)`.

    Example:

    >>> step = keras.ops.convert_to_tensor([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]] * 5)
    >>> y = LaplacianFilter()(keras.ops.reshape(step, (1, 5, 7, 1)))
    >>> print(keras.ops.convert_to_numpy(y)[0, 2, 1:5, 0].round(4))
    [-0.0545 -0.2987  0.2987  0.0545]

    References:
        Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", doi:10.1109/TCOM.1983.1095851
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int] = (5, 5),
        strides: int | Sequence[int] = (1, 1),
        *,
        sigma: float | Sequence[float] | None = 1.0,
        scale_factor: float = 1.0,
        **kwargs,
    ):
        super().__init__(kernel_size, strides, **kwargs)
        if any(size < 3 or size % 2 == 0 for size in self._kernel_size):
            raise ValueError(
                f"`kernel_size` must be an odd integer >= 3, or two of them. Received: kernel_size={kernel_size!r}"
            )
        check_sigma(sigma)
        check_number(scale_factor=scale_factor)
        self.sigma = sigma
        self.scale_factor = scale_factor

    def _kernel_values(self):
        return self.scale_factor * difference_of_gaussians(self._kernel_size, self.sigma)
