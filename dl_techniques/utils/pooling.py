"""Pooling, in the form that is fast where it runs."""

from functools import reduce
from itertools import product

from keras import ops

from dl_techniques._channels_last import with_channels_last
from dl_techniques._shapes import lie_side_by_side
from dl_techniques.utils.devices import xla_fuses_on_a_cpu


def max_pool2d(inputs, pool_size, strides, padding="valid"):
    """The largest pixel of each window, channel by channel.

    As `keras.ops.max_pool`, except for windows side by side where XLA compiles for a CPU, for which it has no fast
    gradient. There the pixels of all windows are compared, one place in the window after the other, and the first of
    equal ones has the gradient, as in the other form.

    Args:
        inputs: tensor `(batch, height, width, channels)`.
        pool_size: pair of ints.
        strides: pair of ints.
        padding: "valid" or "same".

    Returns:
        Tensor `(batch, new height, new width, channels)` of the dtype of `inputs`.

    Example:

    >>> import keras
    >>> image = keras.ops.reshape(keras.ops.arange(8.0), (1, 2, 4, 1))
    >>> keras.ops.convert_to_numpy(max_pool2d(image, (2, 2), (2, 2))).ravel().tolist()
    [5.0, 7.0]
    """
    if lie_side_by_side(inputs.shape, pool_size, strides) and xla_fuses_on_a_cpu(inputs):
        rows, columns = pool_size
        return reduce(_larger, [inputs[:, i::rows, j::columns] for i, j in product(range(rows), range(columns))])
    how = {"pool_size": tuple(pool_size), "strides": tuple(strides), "padding": padding}
    if padding == "same" and not lie_side_by_side(inputs.shape, pool_size, strides):
        # Keras may pad on PyTorch, whose compiler fails behind the view of padded images.
        return ops.max_pool(inputs, data_format="channels_last", **how)
    return with_channels_last(ops.max_pool, inputs, **how)


def _larger(a, b):
    """Not `ops.maximum`, where equal elements share the gradient."""
    return ops.where(ops.logical_or(a >= b, ops.isnan(a)), a, b)
