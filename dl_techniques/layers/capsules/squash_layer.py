from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_positive, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.capsules._squash import squash


@serializable
class SquashLayer(keras.layers.Layer):
    """The nonlinearity of capsules: shortens vectors to a length below 1 and keeps their direction.

    Short vectors nearly vanish, long ones get a length of almost 1, so that the length can be read as a probability.

    Formula: `v = n^2 / (1 + n^2) * s / sqrt(n^2 + epsilon)` with `n^2 = sum(s^2, axis)`, computed in float32 and cast
    back.

    Args:
        axis: int or a list of them, the axes that the components of a vector lie on. Over the steps of a sequence,
            those count too that Keras' padding mask hides.
        epsilon: float > 0, added to the squared length that is divided by.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> v = SquashLayer()(keras.ops.convert_to_tensor([[0.6, 0.8], [6.0, 8.0], [0.0, 0.0]]))
    >>> print(keras.ops.convert_to_numpy(v).round(4))
    [[0.3    0.4   ]
     [0.5941 0.7921]
     [0.     0.    ]]

    References:
        Sabour et al., "Dynamic Routing Between Capsules", arXiv:1710.09829
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-7, **kwargs):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(epsilon=epsilon)
        self.axis = axis
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape, known=False)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return ops.cast(squash(at_least_float32(inputs), self._axes, self.epsilon), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
