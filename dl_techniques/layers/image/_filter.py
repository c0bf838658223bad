import keras
import numpy as np
from keras import ops

from dl_techniques._checks import check_choice, check_rank, normalize_axes
from dl_techniques._shapes import conv_output_shape, pair
from dl_techniques.utils.depthwise import depthwise_conv2d


class ImageFilter(keras.layers.Layer):
    """Filters each channel with the kernel that a subclass names, constant or learned."""

    _kernel_is_constant = True

    def __init__(self, kernel_size, strides, *, padding="same", **kwargs):
        super().__init__(**kwargs)
        check_choice(("same", "valid"), padding=padding)
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self._kernel_size = pair(kernel_size=kernel_size)
        self._strides = pair(strides=strides)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.compute_output_shape(input_shape)
        values = np.asarray(self._kernel_values())[:, :, None, None]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self._kernel_size, input_shape[-1], 1),
            initializer=lambda shape, dtype: ops.convert_to_tensor(np.broadcast_to(values, shape), dtype=dtype),
            trainable=not self._kernel_is_constant,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        return depthwise_conv2d(inputs, self.kernel, self._strides, self.padding)

    def compute_output_shape(self, input_shape):
        return conv_output_shape(input_shape, input_shape[-1], self._kernel_size, self._strides, self.padding)

    def _kernel_values(self):
        raise NotImplementedError
