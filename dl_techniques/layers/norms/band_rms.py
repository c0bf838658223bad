from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_positive, check_rate, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._rms import rms_normalize


@serializable
class BandRMS(keras.layers.Layer):
    """Root mean square normalization into a band: the RMS of the output lies in `[1 - max_band_width, 1]`.

    Where RMSNorm has a free gain, the gain here can only shrink a feature, and only by so much. Which place in the
    band each feature takes is learned; it starts in the middle.

    Formula, computed in float32 and cast back, with `a = max_band_width`:
    `y = s * x / sqrt(mean(x^2, axis) + epsilon)`, `s = (1 - a) + a * sigmoid(4 * band)`

    Args:
        max_band_width: float in (0, 1), the most by which a feature may shrink.
        axis: int or a list of them, the axes to normalize over. Over the steps of a sequence, those count too that
            Keras' padding mask hides.
        epsilon: float > 0, added to the mean square.
        band_regularizer: regularizer of `band`, one number for each element of the normalized axes, or None. It
            pulls towards the middle of the band; L2(1e-5) by default.

    Input shape:
        Any; the normalized axes must have known sizes.

    Output shape:
        Same as the input.

    Example:

    >>> y = BandRMS(max_band_width=0.2)(keras.ops.convert_to_tensor([[1.0, 2.0, 3.0, 4.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[0.3286 0.6573 0.9859 1.3145]]

    References:
        No paper. Built on Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv:1910.07467
    """

    def __init__(
        self,
        max_band_width: float = 0.1,
        axis: int | Sequence[int] = -1,
        *,
        epsilon: float = 1e-7,
        band_regularizer: str | keras.regularizers.Regularizer | None = keras.regularizers.L2(1e-5),  # noqa: B008
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(max_band_width=max_band_width, epsilon=epsilon)
        check_rate(max_band_width=max_band_width)
        self.max_band_width = max_band_width
        self.axis = axis
        self.epsilon = epsilon
        self.band_regularizer = keras.regularizers.get(band_regularizer)
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        self.band = self.add_weight(
            name="band",
            shape=tuple(input_shape[a] for a in self._axes),
            initializer="zeros",
            regularizer=self.band_regularizer,
            autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        scale = 1 - self.max_band_width * ops.sigmoid(-4 * at_least_float32(self.band))
        return rms_normalize(inputs, scale, self._axes, self.epsilon)

    def compute_output_shape(self, input_shape):
        return input_shape
