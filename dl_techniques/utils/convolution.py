"""Convolution, in the form that is fast where it runs."""

import keras
from keras import ops

from dl_techniques._channels_last import with_channels_last
from dl_techniques._shapes import lie_side_by_side
from dl_techniques.utils.depthwise import depthwise_conv2d
from dl_techniques.utils.devices import runs_on_a_cpu, xla_compiles, xla_fuses_on_a_cpu


def conv2d(inputs, kernel, strides=(1, 1), padding="valid", dilation_rate=(1, 1)):
    """Convolves images; where the kernel has fewer channels than they have, in groups of channels.

    As `keras.ops.conv`, except where that is slow or fails:

    - Groups get a convolution each on a CPU, except with PyTorch: XLA and TensorFlow have no fast gradient for them.
    - Windows side by side are a matrix product where XLA compiles for a CPU, for the same reason.
    - A single filter is a depthwise convolution and a sum, there and with PyTorch on a CPU, which cannot differentiate
      a small convolution of one image with one filter.

    Args:
        inputs: tensor `(batch, height, width, channels)`.
        kernel: tensor `(kernel height, kernel width, channels // groups, filters)`.
        strides: pair of ints.
        padding: "valid" or "same".
        dilation_rate: pair of ints.

    Returns:
        Tensor `(batch, new height, new width, filters)` of the dtype of `inputs`.

    Example:

    >>> from keras import ops
    >>> tuple(conv2d(ops.ones((2, 8, 8, 6)), ops.ones((4, 4, 3, 10)), strides=(4, 4)).shape)
    (2, 2, 2, 10)
    """
    how = {"strides": strides, "padding": padding, "dilation_rate": dilation_rate}
    window = kernel.shape[:2]
    is_dense = tuple(dilation_rate) == (1, 1) or tuple(window) == (1, 1)
    is_torch = keras.config.backend() == "torch"
    groups = inputs.shape[-1] // kernel.shape[2]
    if groups > 1 and not is_torch and runs_on_a_cpu(inputs):
        parts = zip(ops.split(inputs, groups, axis=-1), ops.split(kernel, groups, axis=-1), strict=True)
        return ops.concatenate([conv2d(x, k, **how) for x, k in parts], axis=-1)
    if kernel.shape[-1] == 1 and (is_torch or xla_compiles(inputs)) and runs_on_a_cpu(inputs):
        return ops.sum(depthwise_conv2d(inputs, kernel, **how), axis=-1, keepdims=True)
    if is_dense and lie_side_by_side(inputs.shape, window, strides) and xla_fuses_on_a_cpu(inputs):
        return _product_of_patches(inputs, kernel)
    return with_channels_last(ops.conv, inputs, kernel, **how)


def _product_of_patches(inputs, kernel):
    (height, width, channels), (rows, columns) = inputs.shape[1:], kernel.shape[:2]
    x = ops.reshape(inputs, (-1, height // rows, rows, width // columns, columns, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    x = ops.reshape(x, (-1, height // rows, width // columns, rows * columns * channels))
    return ops.matmul(x, ops.reshape(kernel, (rows * columns * channels, -1)))
