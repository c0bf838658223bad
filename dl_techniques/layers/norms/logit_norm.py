from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_positive, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._l2 import floored_square


@serializable
class LogitNorm(keras.layers.Layer):
    """Logits of one fixed length, so that training cannot lower the loss by making them longer.

    Used in front of the cross-entropy it keeps a classifier from growing overconfident; the class predicted is
    the same with and without it.

    Formula, computed in float32 and cast back: `y = x / (temperature * sqrt(max(sum(x^2, axis), epsilon)))`.
    The paper adds 1e-7 to the length instead, which differs only for logits that are nearly zero.

    Args:
        temperature: float > 0; the output has the length `1 / temperature`. It is not learned: the paper chooses it
            by validation, 0.04 for CIFAR-10.
        axis: int or a list of them, the axes of the classes. Keras' padding mask hides none of them.
        epsilon: float > 0, the floor of the squared length.

    Input shape:
        Any; the axes named must have known sizes.

    Output shape:
        Same as the input.

    Example:

    >>> y = LogitNorm()(keras.ops.convert_to_tensor([[3.0, 4.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[15. 20.]]

    References:
        Wei et al., "Mitigating Neural Network Overconfidence with Logit Normalization", arXiv:2205.09310
    """

    def __init__(self, temperature: float = 0.04, axis: int | Sequence[int] = -1, *, epsilon: float = 1e-7, **kwargs):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(temperature=temperature, epsilon=epsilon)
        self.temperature = temperature
        self.axis = axis
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        scale = ops.rsqrt(floored_square(x, self._axes, self.epsilon)) * (1 / self.temperature)
        return ops.cast(x * scale, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
