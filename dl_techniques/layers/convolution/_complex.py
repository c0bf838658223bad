"""Complex tensors travel as real ones: on the last axis the real parts of all channels, then their imaginary parts."""

import keras
from keras import ops
from keras.initializers import VarianceScaling

from dl_techniques._checks import normalize_axes
from dl_techniques._initializers import fresh

# The paper draws a modulus (Rayleigh of scale s) and a phase (uniform). Real and imaginary part of such a number are
# independent normal numbers of standard deviation s; s^2 is 1 / (fan_in + fan_out), or 1 / fan_in.
_INITIALIZERS = {
    "complex_glorot": {"scale": 0.5, "mode": "fan_avg", "distribution": "untruncated_normal"},
    "complex_he": {"scale": 1.0, "mode": "fan_in", "distribution": "untruncated_normal"},
}


class PackedLayer(keras.layers.Layer):
    """Refuses what is complex already, before Keras or a framework drops the imaginary part."""

    def __call__(self, inputs, *args, **kwargs):
        if "complex" in str(getattr(inputs, "dtype", "")):
            raise ValueError(
                "The input must be real: on the last axis the real parts of all channels, then their imaginary "
                f"parts, as `concatenate([real(x), imag(x)], axis=-1)`. Received: dtype={inputs.dtype}"
            )
        return super().__call__(inputs, *args, **kwargs)


class ComplexLayer(PackedLayer):
    """A kernel and a bias whose real and imaginary parts are weights of their own."""

    def __init__(self, *, use_bias, kernel_initializer, kernel_regularizer, **kwargs):
        super().__init__(**kwargs)
        self.use_bias = use_bias
        self.kernel_initializer = _part_initializer(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def _add_weights(self, *kernel_shape):
        self.kernel_real, self.kernel_imag = (
            self.add_weight(
                name=name,
                shape=kernel_shape,
                initializer=fresh(self.kernel_initializer, index),
                regularizer=self.kernel_regularizer,
            )
            for index, name in enumerate(("kernel_real", "kernel_imag"))
        )
        self.bias_real = self.bias_imag = None
        if self.use_bias:
            self.bias_real = self.add_weight(name="bias_real", shape=kernel_shape[-1:], initializer="zeros")
            self.bias_imag = self.add_weight(name="bias_imag", shape=kernel_shape[-1:], initializer="zeros")

    def _packed_kernel(self):
        """The real kernel that does to packed channels what the complex one does to complex channels."""
        real, imag = ops.convert_to_tensor(self.kernel_real), ops.convert_to_tensor(self.kernel_imag)
        from_real = ops.concatenate([real, imag], axis=-1)
        from_imag = ops.concatenate([-imag, real], axis=-1)
        return ops.concatenate([from_real, from_imag], axis=-2)

    def _plus_bias(self, outputs):
        return outputs + ops.concatenate([self.bias_real, self.bias_imag], axis=0) if self.use_bias else outputs


def complex_channels(input_shape) -> int:
    """How many complex channels the last axis of a packed input holds."""
    normalize_axes(-1, input_shape)
    if input_shape[-1] % 2:
        raise ValueError(
            "The last axis must hold as many imaginary parts as real ones, so its size must be even. "
            f"Received: input_shape={tuple(input_shape)}"
        )
    return input_shape[-1] // 2


def _part_initializer(identifier):
    """The initializer of each part of a kernel."""
    if isinstance(identifier, str) and identifier in _INITIALIZERS:
        return VarianceScaling(**_INITIALIZERS[identifier])
    return keras.initializers.get(identifier)
