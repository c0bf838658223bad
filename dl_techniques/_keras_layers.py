"""Keras' own layers for the parts of other layers, with the shared convolution, pooling and products.

Images are `channels_last` only.
"""

import keras
from keras import ops

from dl_techniques._precision import is_float64, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.utils.convolution import conv2d
from dl_techniques.utils.pooling import max_pool2d


class Part(keras.layers.Layer):
    """A Keras layer that is quick to call inside the `call` of another one; comes before the layer's own class.

    `Layer.__call__` prepares what the layer around it has prepared already: dtypes, the autocast scope, the values
    of `training` and masks. In front of a small product that takes longer than the product. So `call` comes at once
    where nothing is left to do. Profiles and graphs then name no operation after the part, and hooks for all modules
    of PyTorch do not see it.

    A part has the dtype policy of the layer around it. Its `call` takes `training`, and is told where that matters.
    """

    def __call__(self, inputs, **kwargs):
        if self._has_only_to_compute(inputs):
            return self.call(inputs, **kwargs)
        return super().__call__(inputs, **kwargs)

    def _has_only_to_compute(self, inputs) -> bool:
        return (
            self.built
            and ops.is_tensor(inputs)
            and keras.backend.standardize_dtype(inputs.dtype) == self.compute_dtype
            and self.quantization_mode is None
            and self.activity_regularizer is None
            and self._remat_mode is None
            and not getattr(self, "_forward_pre_hooks", None)  # PyTorch's
            and not getattr(self, "_forward_hooks", None)
            and keras.distribution.distribution() is None
        )


class Dropout(Part, keras.layers.Dropout):
    def __call__(self, inputs, *, training):
        return super().__call__(inputs, training=training)


class LayerNormalization(Part, keras.layers.LayerNormalization):
    """Over the last axis in float64, which Keras takes through float32 on PyTorch and JAX."""

    def call(self, inputs, training=None):
        if not is_float64(inputs):
            return super().call(inputs)
        centred = inputs - mean_over(inputs, self.axis, keepdims=True)
        y = centred * ops.rsqrt(mean_over(ops.square(centred), self.axis, keepdims=True) + self.epsilon)
        y = y * self.gamma if self.scale else y
        return y + self.beta if self.center else y


class Conv2D(Part, keras.layers.Conv2D):
    """Stands alone in functional models too, whose autocast scope may be another one."""

    def call(self, inputs, training=None):
        kernel = ops.convert_to_tensor(self.kernel)
        x = conv2d(inputs, kernel, self.strides, self.padding, self.dilation_rate)
        if self.bias is not None:
            x = ops.add(x, ops.convert_to_tensor(self.bias))
        return x if self.activation is None else self.activation(x)

    def _has_only_to_compute(self, inputs) -> bool:
        return (
            super()._has_only_to_compute(inputs)
            and _fits(inputs, self.input_spec)
            and keras.backend.standardize_dtype(ops.convert_to_tensor(self._kernel).dtype) == self.compute_dtype
        )


class Dense(Part, keras.layers.Dense):
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

    def _has_only_to_compute(self, inputs) -> bool:
        return super()._has_only_to_compute(inputs) and _fits(inputs, self.input_spec)

    def quantize(self, mode=None, type_check=True, config=None):
        # Keras lets a subclass refuse, as it may compute something else; this one does not.
        super().quantize(mode, type_check=False, config=config)


@serializable
class MaxPooling2D(keras.layers.MaxPooling2D):
    def call(self, inputs):
        return max_pool2d(inputs, self.pool_size, self.strides, self.padding)


def _fits(inputs, spec: keras.layers.InputSpec) -> bool:
    return len(inputs.shape) >= spec.min_ndim and inputs.shape[-1] == spec.axes[-1]
