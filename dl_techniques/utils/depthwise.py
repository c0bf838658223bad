"""Depthwise convolution, in the form that is fast where it runs."""

from itertools import product

import keras
from keras import ops

from dl_techniques._channels_last import with_channels_last
from dl_techniques._precision import at_least_float32
from dl_techniques.utils.devices import records_gradients, runs_on_a_cpu, xla_fuses_on_a_cpu
from dl_techniques.utils.tensors import zero_pad

# The gradient of a kernel adds up so many bands of rows before it sums within the first one.
_BANDS = 14


def depthwise_conv2d(inputs, kernel, strides=(1, 1), padding="valid", dilation_rate=(1, 1)):
    """Convolves each channel with a filter of its own.

    As `keras.ops.depthwise_conv`, except where XLA compiles for a CPU, for which it has no fast code. There it is a
    sum of shifted products, which XLA fuses into one pass; anywhere else each product would be a pass over memory.

    Args:
        inputs: tensor `(batch, height, width, channels)`.
        kernel: tensor `(kernel height, kernel width, channels, 1)`.
        strides: pair of ints.
        padding: "valid" or "same".
        dilation_rate: pair of ints.

    Returns:
        Tensor `(batch, new height, new width, channels)` of the dtype of `inputs`.

    Example:

    >>> from keras import ops
    >>> tuple(depthwise_conv2d(ops.ones((2, 9, 9, 4)), ops.ones((3, 3, 4, 1)), strides=(2, 2)).shape)
    (2, 4, 4, 4)
    """
    if kernel.shape[-1] == 1 and None not in inputs.shape[1:] and xla_fuses_on_a_cpu(inputs):
        return _sum_of_products(inputs, kernel, strides, padding, dilation_rate)
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    if keras.config.backend() == "torch" and runs_on_a_cpu(inputs) and records_gradients(inputs, kernel):
        # Behind the view of the images PyTorch's compiler has no fast gradient for a CPU.
        return ops.depthwise_conv(inputs, kernel, data_format="channels_last", **how)
    return with_channels_last(ops.depthwise_conv, inputs, kernel, **how)


def _sum_of_products(inputs, kernel, strides, padding, rates):
    x = at_least_float32(inputs)
    kernel = ops.cast(ops.squeeze(kernel, -1), x.dtype)
    x = _stored(x, kernel)
    if padding == "same":
        for axis, taps, stride, rate in zip((1, 2), kernel.shape[:2], strides, rates, strict=True):
            reach = (taps - 1) * rate + 1
            missing = max((-(-x.shape[axis] // stride) - 1) * stride + reach - x.shape[axis], 0)
            x = zero_pad(x, axis, before=missing // 2, after=missing - missing // 2)

    @ops.custom_gradient
    def correlate(x, kernel):
        def gradient(upstream):
            upstream = _stored(upstream, kernel)
            return (
                _input_gradient(upstream, kernel, x.shape, strides, rates),
                _kernel_gradient(upstream, x, kernel.shape, strides, rates),
            )

        return _stored(_correlate(x, kernel, strides, rates), kernel), gradient

    return ops.cast(correlate(x, kernel), inputs.dtype)


def _stored(x, kernel):
    """XLA would compute `x` anew for each product that it goes into; what a branch returns, it has to store.

    The condition always holds, which XLA cannot know.
    """
    first = ops.reshape(kernel, (-1,))[0]
    return ops.cond(ops.logical_or(ops.logical_not(first > 0), first > -1), lambda: x, lambda: -x)


def _correlate(x, kernel, strides, rates):
    """`y[h, w] = sum of kernel[i, j] * x[h * stride + i * rate, w * stride + j * rate]` over all `i` and `j`."""
    rows, columns = (
        (size - 1 - (taps - 1) * rate) // stride + 1
        for size, taps, stride, rate in zip(x.shape[1:3], kernel.shape[:2], strides, rates, strict=True)
    )
    return sum(
        kernel[i, j] * x[:, _every(strides[0], i * rates[0], rows), _every(strides[1], j * rates[1], columns)]
        for i, j in product(*map(range, kernel.shape[:2]))
    )


def _input_gradient(upstream, kernel, shape, strides, rates):
    """The mirrored kernel, slid over the upstream gradient with its elements as far apart as the strides."""
    for axis, taps, stride, rate in zip((1, 2), kernel.shape[:2], strides, rates, strict=True):
        upstream = _spread(upstream, axis, stride)
        margin = (taps - 1) * rate
        upstream = zero_pad(upstream, axis, before=margin, after=shape[axis] - upstream.shape[axis])
    return _correlate(upstream, ops.flip(kernel, axis=(0, 1)), (1, 1), rates)


def _spread(x, axis, stride):
    """`stride - 1` zeros between neighbours."""
    if stride == 1:
        return x
    length = (x.shape[axis] - 1) * stride + 1
    spread = ops.stack([x, *[ops.zeros_like(x)] * (stride - 1)], axis=axis + 1)
    shape = (-1, *spread.shape[1:axis], x.shape[axis] * stride, *spread.shape[axis + 2 :])
    return ops.take(ops.reshape(spread, shape), range(length), axis=axis)


def _kernel_gradient(upstream, x, shape, strides, rates):
    """`sum of x[h * stride + i * rate, w * stride + j * rate] * upstream[h, w]` over images, rows and columns.

    XLA sums within a tensor one number at a time, but adds tensors in vector registers. So bands of rows are added
    first, and a product with ones sums what is left.
    """
    rows, columns, channels = upstream.shape[1:]
    height = -(-rows // min(_BANDS, rows))
    bands = -(-rows // height)
    upstream = zero_pad(upstream, 1, after=bands * height - rows)
    x = zero_pad(x, 1, after=(bands * height - rows) * strides[0])

    def tap(i, j):
        across = _every(strides[1], j * rates[1], columns)
        first = [band * height for band in range(bands)]
        products = sum(
            x[:, _every(strides[0], i * rates[0] + h * strides[0], height), across] * upstream[:, h : h + height]
            for h in first
        )
        products = ops.reshape(products, (-1, channels))
        return ops.matmul(ops.ones_like(products[:, 0]), products)

    taps = [tap(i, j) for i, j in product(*map(range, shape[:2]))]
    return ops.reshape(ops.stack(taps), shape)


def _every(step: int, start: int, count: int) -> slice:
    return slice(start, start + (count - 1) * step + 1, step)
