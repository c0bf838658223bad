from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from dl_techniques._checks import check_non_negative_int
from dl_techniques._shapes import pair
from dl_techniques.utils.depthwise import depthwise_conv2d
from dl_techniques.utils.pooling import max_pool2d


def multiscales_generator_fn(
    shape: Sequence[int | None],
    no_scales: int,
    *,
    kernel_size: int | Sequence[int] = (3, 3),
    use_max_pool: bool = False,
    clip_values: bool = False,
    round_values: bool = False,
    normalize_values: bool = False,
) -> Callable[[Any], list[Any]]:
    """Makes a function that returns images at several scales, each half as high and wide as the one before.

    Formula: `[x_0, ..., x_n]` with the images themselves as `x_0`, and `x_{k+1} = f(pool(x_k))`. A mean over pixels at
    the border is one over fewer pixels. `f` clips to [0, 255], rounds, and divides `x + 1e-5` by its sum over the
    channels, each if asked to.

    Args:
        shape: `(batch, height, width, channels)` of the images, None for what is not known.
        no_scales: int >= 0, how many scales to add.
        kernel_size: int or pair of them, height and width of what is pooled.
        use_max_pool: bool, whether to take the maximum instead of the mean.
        clip_values: bool, whether to clip.
        round_values: bool, whether to round.
        normalize_values: bool, whether to make the channels of each pixel sum to 1; for images that are not negative.

    Returns:
        A function from a float tensor to a list of `no_scales + 1` tensors; sizes that are odd are rounded up.

    Example:

    >>> scales = multiscales_generator_fn((None, 9, 6, 3), 2)
    >>> [tuple(x.shape) for x in scales(keras.ops.ones((1, 9, 6, 3)))]
    [(1, 9, 6, 3), (1, 5, 3, 3), (1, 3, 2, 3)]

    References:
        Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", doi:10.1109/TCOM.1983.1095851
    """
    if len(shape) != 4:
        raise ValueError(f"`shape` must be (batch, height, width, channels). Received: shape={shape!r}")
    check_non_negative_int(no_scales=no_scales)
    window = pair(kernel_size=kernel_size)
    pool = _max_pool if use_max_pool else _mean_pool

    def halved(x):
        x = pool(x, window)
        if clip_values:
            x = ops.clip(x, 0, 255)
        if round_values:
            x = ops.round(x)
        if normalize_values:
            x = (x + 1e-5) / ops.sum(x + 1e-5, axis=-1, keepdims=True)
        return x

    def scales(images):
        _check_images(images, shape)
        found = [images]
        for _ in range(no_scales):
            found.append(halved(found[-1]))
        return found

    return scales


def _max_pool(x, kernel_size):
    return max_pool2d(x, kernel_size, (2, 2), "same")


def _mean_pool(x, kernel_size):
    """Not `ops.average_pool`, which on torch pads with copies of the border instead of leaving it out of the mean."""

    def sums(images):
        kernel = ops.ones((*kernel_size, images.shape[-1], 1), dtype=images.dtype)
        return depthwise_conv2d(images, kernel, (2, 2), "same")

    return sums(x) / sums(ops.ones_like(x[:1, :, :, :1]))


def _check_images(images, shape) -> None:
    sizes = tuple(images.shape)
    if len(sizes) != 4 or any(None not in pair and pair[0] != pair[1] for pair in zip(sizes, shape, strict=True)):
        raise ValueError(f"The images must have the shape `shape`. Received: shape={tuple(shape)}, images of {sizes}")
