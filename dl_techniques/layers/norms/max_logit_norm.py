from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_positive, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._l2 import smooth_l2_norm


@serializable
class MaxLogitNorm(keras.layers.Layer):
    """Logits of length one: what is left are the cosines between the vector of logits and the classes.

    Formula, computed in float32 and cast back: `y = x / sqrt(sum(x^2, axis) + epsilon)`

    Args:
        axis: int or a list of them, the axes of the classes. Keras' padding mask hides none of them.
        epsilon: float > 0, added to the squared length.

    Input shape:
        Any; the axes named must have known sizes.

    Output shape:
        Same as the input.

    Example:

    >>> y = MaxLogitNorm()(keras.ops.convert_to_tensor([[3.0, 4.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[0.6 0.8]]

    References:
        Zhang and Xiang, "Decoupling MaxLogit for Out-of-Distribution Detection", CVPR 2023,
        doi:10.1109/CVPR52729.2023.00330
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-7, **kwargs):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(epsilon=epsilon)
        self.axis = axis
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        return ops.cast(x / smooth_l2_norm(x, self._axes, self.epsilon), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
