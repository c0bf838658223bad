import keras
import numpy as np
from keras import ops


class Error(keras.layers.Layer):
    """The quantization error of a map alone: an output that gradients can be taken of."""

    def __init__(self, som):
        super().__init__()
        self.som = som

    def build(self, input_shape):
        if not self.som.built:
            self.som.build(input_shape)

    def call(self, inputs, training=None):
        return self.som(inputs, training=training)[1]


def numbers(value) -> np.ndarray:
    return ops.convert_to_numpy(value)


def weights_of(som) -> np.ndarray:
    return numbers(som.som_weights.value)


def trained(som, batches):
    """The map after a call with each of the batches."""
    for x in batches:
        som(ops.convert_to_tensor(x), training=True)
    return som
