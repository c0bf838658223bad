from itertools import pairwise

import keras
import numpy as np
from keras import ops

from dl_techniques._checks import check_positive_int, check_rank, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.utils.tensors import zero_pad


@serializable
class ShearletTransform(keras.layers.Layer):
    """Takes images apart by scale and direction, and puts them together again.

    Edges and lines of each direction and width have a coefficient map of their own, as large as the image. The maps
    hold all of the image: their energy is that of the image, and `inverse` gives it back. Nothing is learned.

    Formula: `c_k = real(ifft2(f_k * fft2(x)))`, and back `x = real(ifft2(sum_k f_k * fft2(c_k)))`, as the `f_k^2` sum
    to 1. With the frequencies `u` along the width and `v` along the height, which are 1 where pixels alternate,
    `r = max(|u|, |v|)`, the angle `t = atan2(v, u)` and `w(a) = cos(pi / 2 * a^4 (35 - 84 a + 70 a^2 - 20 a^3))`, `a`
    being clipped to `[0, 1]`:

    - `p_m = w(2^(scales - m + 1) r - 1)` for `m < scales`, and 1 for `m = scales`
    - the low-pass `f_0 = p_0`, and the band `b_m = sqrt(p_{m+1}^2 - p_m^2)` of scale `m`, coarse to fine
    - `b_m w(|d|)` for each direction, `d` being the distance of `t` from `pi k / (directions + 1)`, in units of
      `pi / (directions + 1)` and modulo `pi`

    and each made even, `f(u, v)^2 = (f(u, v)^2 + f(-u, -v)^2) / 2`, so that the coefficients are real. Computed in
    float32, or in float64 by a float64 layer.

    The output is `maps` times as large as the input, and about four times that are in memory at a time; the filters
    are `maps` numbers for each pixel of one image.

    Args:
        scales: int, number of scales.
        directions: int, number of directions less one: at each scale `directions + 1` of them share the half circle.

    Input shape:
        `(batch, height, width, channels)`; all but the batch must be known.

    Output shape:
        `(batch, height, width, channels * maps)` with `maps = 1 + scales * (directions + 1)`: for each channel the
        low-pass, then the directions of the coarsest scale, and so on to the finest.

    Example:

    >>> layer = ShearletTransform(scales=2, directions=3)
    >>> images = keras.random.normal((2, 16, 16, 1))
    >>> coefficients = layer(images)
    >>> tuple(coefficients.shape)
    (2, 16, 16, 9)
    >>> error = keras.ops.max(keras.ops.abs(layer.inverse(coefficients) - images))
    >>> print(bool(error < 1e-5))
    True

    References:
        - Häuser and Steidl, "Fast Finite Shearlet Transform", arXiv:1202.1773
        - Kutyniok et al., "ShearLab 3D: Faithful Digital Shearlet Transforms Based on Compactly Supported Shearlets",
          arXiv:1402.5670
        - Ko et al., "CoShNet: A Hybrid Complex Valued Neural Network using Shearlets", arXiv:2208.06882
    """

    def __init__(self, scales: int = 4, directions: int = 8, **kwargs):
        super().__init__(**kwargs)
        check_positive_int(scales=scales, directions=directions)
        self.scales = scales
        self.directions = directions

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes((1, 2, 3), input_shape)
        _, height, width, _ = input_shape
        values = _filters(height, width, self.scales, self.directions + 1)
        self.filters = self.add_weight(
            name="filters",
            shape=values.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(values, dtype=dtype),
            trainable=False,
            dtype="float64" if self.variable_dtype == "float64" else "float32",
            autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = ops.transpose(at_least_float32(inputs), (0, 3, 1, 2))[:, :, None]
        real, imaginary = _transform(ops.fft2, x, ops.zeros_like(x))
        # The maps are real, so that one transform gives two of them.
        even, odd = self._pairs(ops.convert_to_tensor(self.filters), axis=0)
        maps = _transform(ops.ifft2, real * even - imaginary * odd, real * odd + imaginary * even)
        maps = ops.stack([ops.transpose(y, (0, 3, 4, 1, 2)) for y in maps], axis=-1)
        _, height, width, channels, pairs, _ = maps.shape
        maps = ops.reshape(maps, (-1, height, width, channels, 2 * pairs))[..., : self._number]
        return ops.cast(ops.reshape(maps, (-1, height, width, channels * self._number)), inputs.dtype)

    def inverse(self, coefficients):
        """Returns the images whose transform by this layer, which must be built, the coefficients are."""
        coefficients = ops.convert_to_tensor(coefficients)
        _, height, width = self.filters.shape
        shape = tuple(coefficients.shape)
        if len(shape) != 4 or shape[1:3] != (height, width) or shape[3] % self._number:
            raise ValueError(
                f"The coefficients must have the shape (batch, {height}, {width}, channels * {self._number}). "
                f"Received: coefficients of {shape}"
            )
        maps = ops.reshape(at_least_float32(coefficients), (-1, height, width, shape[3] // self._number, self._number))
        real, imaginary = _transform(ops.fft2, *self._pairs(ops.transpose(maps, (0, 3, 4, 1, 2)), axis=2))
        even, odd = self._pairs(ops.convert_to_tensor(self.filters), axis=0)
        spectrum = real * even + imaginary * odd, imaginary * even - real * odd
        images, _ = _transform(ops.ifft2, *(ops.sum(part, axis=2) for part in spectrum))
        return ops.cast(ops.transpose(images, (0, 2, 3, 1)), coefficients.dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] * self._number)

    @property
    def _number(self):
        return 1 + self.scales * (self.directions + 1)

    def _pairs(self, maps, axis):
        """The maps at even places, and those after them; zeros where there is none."""
        before = (slice(None),) * axis
        even, odd = maps[(*before, slice(0, None, 2))], maps[(*before, slice(1, None, 2))]
        return even, zero_pad(odd, axis, after=self._number % 2)


def _transform(function, real, imaginary):
    """Not of an empty batch, which PyTorch refuses on a CPU."""
    return (real, imaginary) if real.shape[0] == 0 else function((real, imaginary))


def _filters(height, width, scales, wedges):
    """`(filters, height, width)`, in the order of frequencies of the FFT."""
    vertical, horizontal = np.meshgrid(2 * np.fft.fftfreq(height), 2 * np.fft.fftfreq(width), indexing="ij")
    radius = np.maximum(np.abs(vertical), np.abs(horizontal))
    low = [_window(2.0 ** (scales - m + 1) * radius - 1) for m in range(scales)] + [np.ones_like(radius)]
    bands = [np.sqrt(np.maximum(wide**2 - narrow**2, 0)) for narrow, wide in pairwise(low)]
    place = np.arctan2(vertical, horizontal) / np.pi * wedges
    distances = [np.abs((place - k + wedges / 2) % wedges - wedges / 2) for k in range(wedges)]
    filters = np.array([low[0], *(band * _window(distance) for band in bands for distance in distances)])
    mirrored = np.roll(filters[:, ::-1, ::-1], 1, axis=(1, 2))
    return np.sqrt((filters**2 + mirrored**2) / 2)


def _window(distance):
    """Falls from 1 at 0 to 0 at 1, so that its squares at `a` and `1 - a` sum to 1."""
    a = np.clip(distance, 0, 1)
    return np.cos(np.pi / 2 * a**4 * (35 - 84 * a + 70 * a**2 - 20 * a**3))
