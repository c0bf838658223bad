"""Keras' own layers for the parts of other layers, with the shared convolution, pooling and products.

Images are `channels_last` only.
"""

import keras
from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.utils.convolution import conv2d
from dl_techniques.utils.pooling import max_pool2d


class Conv2D(keras.layers.Conv2D):
    def convolution_op(self, inputs, kernel):
        return conv2d(inputs, kernel, self.strides, self.padding, self.dilation_rate)


@serializable
class MaxPooling2D(keras.layers.MaxPooling2D):
    def call(self, inputs):
        return max_pool2d(inputs, self.pool_size, self.strides, self.padding)


class Dense(keras.layers.Dense):
    """Does without what `ops.matmul` and `ops.add` look at before they compute, which eager steps wait for."""

    def call(self, inputs, training=None):
        kernel = ops.convert_to_tensor(self.kernel)
        x = ops.cast(inputs, kernel.dtype)
        if keras.config.backend() == "tensorflow" and len(x.shape) > 2:
            x = ops.reshape(ops.reshape(x, (-1, x.shape[-1])) @ kernel, (*ops.shape(inputs)[:-1], self.units))
        else:
            x = x @ kernel
        if self.bias is not None:
            x = x + ops.convert_to_tensor(self.bias)
        return x if self.activation is None else self.activation(x)

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras lets a subclass refuse, as it may compute something else; this one does not.
        super().quantize(mode, type_check=False, config=config)
