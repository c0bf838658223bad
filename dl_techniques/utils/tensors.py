"""Rearrangements of tensors that several techniques need."""

from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._precision import at_least_float32
from dl_techniques._shapes import pair
from dl_techniques.utils.devices import xla_compiles

EPSILON = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
SMALLEST = 2.0**-126


def reshape(x, shape: tuple[int, ...]):
    """As `keras.ops.reshape`, which looks for tensors within the shape first: on PyTorch that takes ten times longer.

    Args:
        x: tensor.
        shape: tuple of ints, or of scalar tensors in a graph of TensorFlow; one may be -1.

    Returns:
        Tensor of the same dtype.

    Example:

    >>> import keras
    >>> tuple(reshape(keras.ops.ones((4, 6)), (-1, 2, 3)).shape)
    (4, 2, 3)
    """
    return x.reshape(shape) if keras.config.backend() == "torch" else ops.reshape(x, shape)


def zero_pad(x, axis: int, *, before: int = 0, after: int = 0):
    """Adds zeros at the ends of one axis.

    As `keras.ops.pad`, but that one counts itself among Keras' global names, and so breaks the PyTorch graph where a
    layer is called after it.

    Args:
        x: tensor.
        axis: int, the axis to make longer.
        before: int, number of zeros before what is there.
        after: int, number of zeros after it.

    Returns:
        Tensor of the same dtype.

    Example:

    >>> import keras
    >>> keras.ops.convert_to_numpy(zero_pad(keras.ops.array([1, 2]), 0, before=1, after=2)).tolist()
    [0, 1, 2, 0, 0]
    """
    shape = ops.shape(x)

    def zeros(size):
        return [ops.zeros((*shape[:axis], size, *shape[axis + 1 :]), dtype=x.dtype)] if size else []

    return ops.concatenate([*zeros(before), x, *zeros(after)], axis=axis)


def symmetric_zero_pad(images, margins: Sequence[int]):
    """Adds as many zeros at both ends of the height, and of the width.

    Args:
        images: tensor `(batch, height, width, channels)`.
        margins: two ints, for height and width.

    Returns:
        Tensor of the same dtype.

    Example:

    >>> import keras
    >>> tuple(symmetric_zero_pad(keras.ops.ones((1, 4, 4, 3)), (1, 2)).shape)
    (1, 6, 8, 3)
    """
    for axis, margin in enumerate(margins, 1):
        if margin:
            images = zero_pad(images, axis, before=margin, after=margin)
    return images


def quiet_softmax(x):
    """As `keras.ops.softmax` over the last axis, which warns where that has one element.

    Args:
        x: tensor.

    Returns:
        Tensor of the same dtype.

    Example:

    >>> import keras
    >>> keras.ops.convert_to_numpy(quiet_softmax(keras.ops.array([[3.0], [5.0]]))).tolist()
    [[1.0], [1.0]]
    """
    # Not just ones: models are exported with 1 in the place of sizes that are not known.
    return ops.exp(ops.log_softmax(x)) if x.shape[-1] == 1 else ops.softmax(x)


def largest(x, axis: int | tuple[int, ...]):
    """The largest elements along some axes, which stay with size 1. Equal ones share the gradient.

    As `keras.ops.amax`, but under XLA elements count as equal up to rounding: where it computes a tensor twice and
    rounds it in two ways, none equals the largest to the last bit, and the gradient of `amax` is NaN. Of that gradient
    JAX knows the reverse mode only.

    Args:
        x: tensor.
        axis: int or tuple of ints, the axes to look along.

    Returns:
        Tensor of the same dtype.

    Example:

    >>> import keras
    >>> keras.ops.convert_to_numpy(largest(keras.ops.array([[1.0, 3.0, 2.0], [6.0, 5.0, 4.0]]), 1)).tolist()
    [[3.0], [6.0]]
    """
    if not xla_compiles(x):
        return ops.amax(x, axis=axis, keepdims=True)

    @ops.custom_gradient
    def compare(x):
        top = ops.amax(x, axis=axis, keepdims=True)

        def gradient(upstream):
            wide, highest = at_least_float32(x), at_least_float32(top)
            rounding = 1.5 * EPSILON[keras.backend.standardize_dtype(x.dtype)] * ops.abs(highest) + SMALLEST
            # Strictly less, so that infinities, whose difference is NaN, are never chosen.
            chosen = highest - wide < rounding
            number = ops.maximum(ops.sum(ops.cast(chosen, wide.dtype), axis=axis, keepdims=True), 1)
            return ops.cast(ops.where(chosen, at_least_float32(upstream) / number, 0), x.dtype)

        return top, gradient

    return compare(x)


def window_partition(x, window_size: int | tuple[int, int]):
    """Cuts images into windows: row by row, image after image.

    Args:
        x: tensor `(batch, height, width, channels)`; height and width must be multiples of `window_size`.
        window_size: int or pair of them, height and width of a window.

    Returns:
        Tensor `(batch * windows, window height, window width, channels)`.

    Example:

    >>> import keras
    >>> tuple(window_partition(keras.ops.ones((2, 6, 9, 4)), 3).shape)
    (12, 3, 3, 4)
    """
    _, height, width, channels = ops.shape(x)
    rows, columns = pair(window_size=window_size)
    _check_windows(height, width, window_size)
    x = reshape(x, (-1, height // rows, rows, width // columns, columns, channels))
    return reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, rows, columns, channels))


def window_reverse(windows, window_size: int | tuple[int, int], height: int, width: int):
    """Puts the windows of `window_partition` together again.

    Args:
        windows: tensor `(batch * windows, window height, window width, channels)`.
        window_size: int or pair of them, height and width of a window.
        height: int, height of an image, a multiple of that of a window.
        width: int, width of an image, a multiple of that of a window.

    Returns:
        Tensor `(batch, height, width, channels)`.
    """
    channels = ops.shape(windows)[-1]
    rows, columns = pair(window_size=window_size)
    _check_windows(height, width, window_size)
    x = reshape(windows, (-1, height // rows, width // columns, rows, columns, channels))
    return reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, height, width, channels))


def _check_windows(height, width, window_size) -> None:
    sizes = zip((height, width), pair(window_size=window_size), strict=True)
    if any(isinstance(size, int) and size % extent for size, extent in sizes):
        raise ValueError(
            "Height and width must be multiples of `window_size`. "
            f"Received: window_size={window_size}, height={height}, width={width}"
        )
