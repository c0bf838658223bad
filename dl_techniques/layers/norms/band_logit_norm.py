from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_positive, check_rate, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._l2 import floored_square


@serializable
class BandLogitNorm(keras.layers.Layer):
    """Logits whose length lies in the band `[1 - max_band_width, 1]`.

    Like LogitNorm it keeps a classifier from growing its logits, but where LogitNorm forgets the length, this one
    keeps its order: with `gamma > 0` longer inputs come out longer. Where in the band, the two weights learn.

    Formula, computed in float32 and cast back, with `a = max_band_width`:
    `y = s * x / r`, `r = sqrt(max(sum(x^2, axis), epsilon))`,
    `s = (1 - a) + a * (tanh(z) + 1) / 2`, `z = gamma * log(r) + beta`, from `gamma = 1` and `beta = 0`.

    Args:
        max_band_width: float in (0, 1), the most by which a vector of logits may be shorter than 1.
        axis: int or a list of them, the axes of the classes. Keras' padding mask hides none of them.
        epsilon: float > 0, the floor of the squared length.

    Input shape:
        Any; the axes named must have known sizes.

    Output shape:
        Same as the input.

    Example:

    >>> y = BandLogitNorm(max_band_width=0.2)(keras.ops.convert_to_tensor([[3.0, 4.0], [0.3, 0.4]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[0.5954 0.7938]
     [0.504  0.672 ]]

    References:
        No paper. Built on Wei et al., "Mitigating Neural Network Overconfidence with Logit Normalization",
        arXiv:2205.09310
    """

    def __init__(
        self, max_band_width: float = 0.01, axis: int | Sequence[int] = -1, *, epsilon: float = 1e-7, **kwargs
    ):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(max_band_width=max_band_width, epsilon=epsilon)
        check_rate(max_band_width=max_band_width)
        self.max_band_width = max_band_width
        self.axis = axis
        self.epsilon = epsilon
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="ones", autocast=False)
        self.beta = self.add_weight(name="beta", shape=(), initializer="zeros", autocast=False)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        length = ops.sqrt(floored_square(x, self._axes, self.epsilon))
        z = at_least_float32(self.gamma) * ops.log(length) + at_least_float32(self.beta)
        scale = 1 - self.max_band_width * ops.sigmoid(-2 * z)
        return ops.cast(scale * x / length, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
