"""Keras' own layers for the parts of other layers, with the shared convolution and pooling. `channels_last` only."""

import keras

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
