"""The three feature maps that every head of the network takes, and what the heads make of them."""

from keras import ops

from dl_techniques._precision import at_least_float32
from dl_techniques.utils.anchors import STRIDES


def check_pyramid(input_shape) -> None:
    """Three maps `(batch, height, width, channels)` with known channels."""
    if len(input_shape) != len(STRIDES) or not all(map(_is_map, input_shape)):
        raise ValueError(
            "The input must be a list of three feature maps (batch, height, width, channels) with known channels. "
            f"Received: input_shape={input_shape}"
        )


def resize_bilinear(x, height, width):
    """Images of that size, from pixels with their centers at `i + 1 / 2`, in float32 and cast back.

    As `keras.ops.image.resize`, but that one goes through float32 on TensorFlow even from float64.
    """
    return ops.cast(_resize_axis(_resize_axis(at_least_float32(x), 1, height), 2, width), x.dtype)


def _resize_axis(x, axis: int, size):
    source = ops.shape(x)[axis]
    is_known = isinstance(source, int) and isinstance(size, int)
    first, second, rest = (_neighbours if is_known else _neighbours_at_run_time)(source, size)
    share = ops.cast(rest, x.dtype) / ops.cast(2 * size, x.dtype)
    share = ops.reshape(share, [-1 if i == axis else 1 for i in range(4)])
    return ops.take(x, first, axis=axis) * (1 - share) + ops.take(x, second, axis=axis) * share


def _neighbours(source: int, size: int) -> tuple[list[int], ...]:
    """For each new pixel the two old ones that it lies between, and its distance from the first, times `2 * size`.

    Plain numbers, because Inductor fails on the tensors below.
    """
    # Twice `size` times the position in `x`, as integers are exact.
    positions = [min(max((2 * i + 1) * source - size, 0), 2 * size * (source - 1)) for i in range(size)]
    first = [position // (2 * size) for position in positions]
    second = [min(pixel + 1, source - 1) for pixel in first]
    return first, second, [position % (2 * size) for position in positions]


def _neighbours_at_run_time(source, size):
    """The same for sizes that are tensors."""
    position = ops.clip((2 * ops.arange(size, dtype="int32") + 1) * source - size, 0, 2 * size * (source - 1))
    first = position // (2 * size)
    second = ops.minimum(first + 1, source - 1)
    return first, second, position % (2 * size)


def _is_map(shape) -> bool:
    return isinstance(shape, list | tuple) and len(shape) == 4 and shape[-1] is not None
