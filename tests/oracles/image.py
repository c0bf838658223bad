"""Image transforms in float64 NumPy, one pixel, tile or frequency after the other, written from the papers."""

from math import atan2, cos, pi

import numpy as np
from scipy import fft, ndimage


def blobs(size: int, *, number: int = 1, seed: int = 0) -> np.ndarray:
    """Grey images `(number, size, size, 1)` of soft bright and dark regions, from 0 to 255."""
    noise = np.random.default_rng(seed).standard_normal((number, size, size))
    images = [ndimage.gaussian_filter(image, 2) + 0.02 * image for image in noise]
    low, high = np.min(images, axis=(1, 2), keepdims=True), np.max(images, axis=(1, 2), keepdims=True)
    return (255 * (images - low) / (high - low)).astype("float32")[..., None]


def clahe(image, clip_limit, n_bins, tile_size, gain=1.0):
    """Of one image `(height, width)`."""
    height, width = image.shape
    rows, columns = -(-height // tile_size), -(-width // tile_size)
    missing = ((0, rows * tile_size - height), (0, columns * tile_size - width))
    level = np.clip(np.floor(np.asarray(image, "float64") * n_bins / 256), 0, n_bins - 1).astype(int)
    padded = np.pad(level, missing, mode="reflect")
    tables = np.empty((rows, columns, n_bins))
    for i, j in np.ndindex(rows, columns):
        tile = padded[i * tile_size : (i + 1) * tile_size, j * tile_size : (j + 1) * tile_size]
        counts = np.bincount(tile.ravel(), minlength=n_bins).astype("float64")
        limit = max(clip_limit * tile.size / n_bins, 1)
        clipped = np.minimum(counts, limit)
        clipped += (counts - clipped).sum() / n_bins
        tables[i, j] = np.cumsum(clipped) * 255 / tile.size * gain
    y = np.empty((height, width))
    for row, column in np.ndindex(height, width):
        down, right = row / tile_size - 0.5, column / tile_size - 0.5
        y[row, column] = sum(
            (1 - abs(down - i))
            * (1 - abs(right - j))
            * tables[np.clip(i, 0, rows - 1), np.clip(j, 0, columns - 1), level[row, column]]
            for i in (int(np.floor(down)), int(np.floor(down)) + 1)
            for j in (int(np.floor(right)), int(np.floor(right)) + 1)
        )
    return y


def shearlet_filters(height, width, scales, directions):
    """`(filters, height, width)`, one frequency after the other."""
    wedges = directions + 1
    squares = np.zeros((1 + scales * wedges, height, width))
    for row, column in np.ndindex(height, width):
        v, u = 2 * fft.fftfreq(height)[row], 2 * fft.fftfreq(width)[column]
        for y, x in ((v, u), (2 * fft.fftfreq(height)[-row % height], 2 * fft.fftfreq(width)[-column % width])):
            radius = max(abs(x), abs(y))
            low = [_meyer(2 ** (scales - m + 1) * radius - 1) for m in range(scales)] + [1.0]
            squares[0, row, column] += low[0] ** 2 / 2
            for m in range(scales):
                for k in range(wedges):
                    # Of the angle between two lines, which is not more than a right one.
                    turn = (atan2(y, x) - pi * k / wedges) % pi
                    share = _meyer(min(turn, pi - turn) / (pi / wedges)) ** 2
                    squares[1 + m * wedges + k, row, column] += (low[m + 1] ** 2 - low[m] ** 2) * share / 2
    return np.sqrt(np.maximum(squares, 0))


def shearlets(x, scales, directions):
    """Of images `(batch, height, width, channels)`."""
    filters = shearlet_filters(*x.shape[1:3], scales, directions)
    spectrum = fft.fft2(np.moveaxis(x.astype("float64"), 3, 1)[:, :, None])
    maps = fft.ifft2(spectrum * filters)
    assert np.max(np.abs(maps.imag)) < 1e-12
    return np.moveaxis(maps.real, (1, 2), (3, 4)).reshape(*x.shape[:3], -1)


def _meyer(distance):
    a = min(max(distance, 0.0), 1.0)
    return cos(pi / 2 * a**4 * (35 - 84 * a + 70 * a**2 - 20 * a**3))
