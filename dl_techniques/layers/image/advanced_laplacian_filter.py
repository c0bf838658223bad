from collections.abc import Sequence

import numpy as np

from dl_techniques._checks import check_choice
from dl_techniques._serialization import serializable
from dl_techniques.layers.image._kernels import laplacian_of_gaussian
from dl_techniques.layers.image.laplacian_filter import LaplacianFilter

_FIVE_POINTS = np.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


@serializable
class AdvancedLaplacianFilter(LaplacianFilter):
    """Finds the edges of an image by second differences, in one of three ways.

    | `method` | kernel | the result is about |
    |---|---|---|
    | "dog" | difference of Gaussians, see `LaplacianFilter` | `-sigma^2 / 2` times the Laplacian |
    | "log" | Laplacian of a Gaussian | the Laplacian of the blurred image |
    | "kernel" | `[[0, 1, 0], [1, -4, 1], [0, 1, 0]]` if the size is 3 x 3, else that of "log" | the Laplacian |

    So edges are where the sign changes, and "dog" has the opposite sign.

    Formula of "log": the kernel `g * ((i^2 - sigma_h^2) / sigma_h^4 + (j^2 - sigma_w^2) / sigma_w^4)` minus its mean,
    where `g` is the kernel of `GaussianFilter`, and `i` and `j` count from the centre. Without the mean a constant
    image becomes zero. The kernel should reach four standard deviations far: one of 5 x 5 pixels is too small by a
    fifth at `sigma=1`, one of 9 x 9 pixels is right to a thousandth.

    Args:
        method: "dog", "log" or "kernel".
        kernel_size: odd int >= 3 or pair of them, height and width of the kernel.
        strides: int or pair of them, for height and width.
        sigma: float or pair of them, the standard deviation of the blur in pixels. None, or a number that is not
            positive, stands for half of `kernel_size - 1`. The kernel of five points has none.
        scale_factor: float, gain.

    Input shape:
        `(batch, height, width, channels)`. Around the image is zero.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), channels)`.

    Example:

    >>> x, y = keras.ops.meshgrid(keras.ops.arange(15.0) - 7, keras.ops.arange(15.0) - 7)
    >>> bowl = keras.ops.reshape(x**2 + y**2, (1, 15, 15, 1))
    >>> edges = AdvancedLaplacianFilter("log", (11, 11))(bowl)
    >>> print(keras.ops.convert_to_numpy(edges)[0, 7, 7, 0].round(2))
    4.0

    References:
        Marr and Hildreth, "Theory of Edge Detection", doi:10.1098/rspb.1980.0020
    """

    def __init__(
        self,
        method: str = "dog",
        kernel_size: int | Sequence[int] = (5, 5),
        *,
        strides: int | Sequence[int] = (1, 1),
        sigma: float | Sequence[float] | None = 1.0,
        scale_factor: float = 1.0,
        **kwargs,
    ):
        super().__init__(kernel_size, strides, sigma=sigma, scale_factor=scale_factor, **kwargs)
        check_choice(("dog", "log", "kernel"), method=method)
        self.method = method

    def _kernel_values(self):
        if self.method == "dog":
            return super()._kernel_values()
        if self.method == "kernel" and self._kernel_size == (3, 3):
            return self.scale_factor * _FIVE_POINTS
        return self.scale_factor * laplacian_of_gaussian(self._kernel_size, self.sigma)
