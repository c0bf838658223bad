from functools import cache

import keras
import numpy as np
from keras import ops

from tests._frameworks import value_and_gradients


class Judged(keras.layers.Layer):
    def __init__(self, loss, **kwargs):
        super().__init__(**kwargs)
        self.loss = loss

    def call(self, inputs, training=None):
        return self.loss(*inputs)


@cache
def judge(loss):
    """A function of targets and predictions: the value of the loss, and the gradient of the predictions."""
    if keras.backend.backend() == "jax":  # It compiles a function faster than its operations, once for all calls.
        import jax

        function = jax.jit(jax.value_and_grad(lambda y_pred, y_true: loss(y_true, y_pred)))
    else:

        def function(y_pred, y_true):
            (value,), gradients = value_and_gradients(
                Judged(loss), [y_true, y_pred], [np.float32(1)], training=True, jit=False
            )
            return value, gradients[1]

    def judged(y_true, y_pred):
        found = function(np.asarray(y_pred, "float32"), np.asarray(y_true, "float32"))
        return tuple(map(ops.convert_to_numpy, found))

    return judged
