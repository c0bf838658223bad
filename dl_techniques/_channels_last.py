"""Images with channels last, for operations that PyTorch has with channels first."""

import keras
from keras import ops


def with_channels_last(operation, images, *args, **how):
    """`operation(images, *args, data_format="channels_last", **how)`.

    On PyTorch Keras copies the images to channels first, and once more to lay them out as they were. A view of them
    needs no copy and gives the same bits.
    """
    if keras.config.backend() != "torch":
        return operation(images, *args, data_format="channels_last", **how)
    y = operation(ops.transpose(images, (0, 3, 1, 2)), *args, data_format="channels_first", **how)
    return ops.transpose(y, (0, 2, 3, 1))
