"""Division by the root mean square, shared by the norms that differ only in what they multiply the result with."""

from keras import ops

from dl_techniques._precision import at_least_float32, is_float64, mean_over


def rms_normalize(inputs, scale, axes: tuple[int, ...], epsilon: float):
    """`scale * x / sqrt(mean(x^2, axes) + epsilon)` with a `scale` of the sizes of `axes`, sorted, or None."""
    if _are_last(axes, inputs.shape) and not is_float64(inputs):
        return ops.rms_normalization(inputs, scale=scale, axis=axes, epsilon=epsilon)
    # The operation above is wrong on torch for other axes: whichever it is given, it normalizes the last ones. And it
    # computes float64 in float32.
    x = at_least_float32(inputs)
    y = x * ops.rsqrt(mean_over(ops.square(x), axis=axes, keepdims=True) + epsilon)
    if scale is not None:
        y = y * along_axes(ops.cast(scale, y.dtype), axes, inputs.shape)
    return ops.cast(y, inputs.dtype)


def along_axes(weight, axes: tuple[int, ...], shape: tuple[int | None, ...]):
    """A weight of the sizes of `axes`, sorted, in a shape that broadcasts against a tensor of that shape."""
    if _are_last(axes, shape):
        return weight
    return ops.reshape(weight, tuple(size if axis in axes else 1 for axis, size in enumerate(shape)))


def _are_last(axes: tuple[int, ...], shape: tuple[int | None, ...]) -> bool:
    return axes == tuple(range(len(shape) - len(axes), len(shape)))
