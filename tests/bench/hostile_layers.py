"""Layers that a comparison of backends must survive, or see through."""

import os
import time

import keras
from keras import ops


class Crash(keras.layers.Layer):
    def call(self, inputs, training=None):
        os._exit(7)


class Hang(keras.layers.Layer):
    def call(self, inputs, training=None):
        time.sleep(600)


class Broken(keras.layers.Layer):
    def call(self, inputs, training=None):
        raise RuntimeError("not today")

    def compute_output_shape(self, input_shape):
        return input_shape


class Narrow(keras.layers.Layer):
    """Rounds to float32 on the way, also in float64."""

    def call(self, inputs, training=None):
        return ops.cast(ops.exp(ops.cast(inputs, "float32")), inputs.dtype)


class Counting(keras.layers.Layer):
    """Gives another result each time it runs operation by operation."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0

    def call(self, inputs, training=None):
        self.calls += 1
        return inputs * float(self.calls)


class Sum(keras.layers.Layer):
    """Two inputs, two outputs, and a batch normalization that differs in training."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.norm = keras.layers.BatchNormalization(name="norm")

    def build(self, input_shape):
        self.norm.build(input_shape[0])
        super().build(input_shape)

    def call(self, inputs, training=None):
        first, second = inputs
        return self.scale * self.norm(first, training=training), first + second


class Lookup(keras.layers.Layer):
    """A table beside an input that is not looked up."""

    def build(self, input_shape):
        self.table = self.add_weight(shape=(9, input_shape[0][-1]), initializer="random_normal", name="table")

    def call(self, inputs, training=None):
        values, indices = inputs
        return values + ops.take(self.table, indices, axis=0)


class Nearest(keras.layers.Layer):
    """The index of the nearest of seven points, and the distance."""

    def build(self, input_shape):
        self.points = self.add_weight(shape=(7, input_shape[-1]), initializer="random_normal", name="points")

    def call(self, inputs, training=None):
        squared = ops.sum(ops.square(inputs[:, None] - self.points), axis=-1)
        return ops.argmin(squared, axis=-1), ops.sqrt(ops.amin(squared, axis=-1))
