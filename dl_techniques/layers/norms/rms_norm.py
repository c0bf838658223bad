from collections.abc import Sequence

import keras

from dl_techniques._checks import check_axis, check_positive, normalize_axes
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._rms import rms_normalize


@serializable
class RMSNorm(keras.layers.Layer):
    """Root mean square normalization.

    Rescales the features by their root mean square, without centring them: about as good as layer normalization
    in transformers, with one pass over the data less.

    Formula: `y = scale * x / sqrt(mean(x^2, axis) + epsilon)`, computed in float32 and cast back.

    Args:
        axis: int or a list of them, the axes to normalize over. Over the steps of a sequence, those count too that
            Keras' padding mask hides.
        epsilon: float > 0, added to the mean square.
        use_scale: bool, whether to learn `scale`, one gain for each element of the normalized axes.
        scale_initializer: initializer of `scale`.

    Input shape:
        Any; the normalized axes must have known sizes.

    Output shape:
        Same as the input.

    Example:

    >>> y = RMSNorm()(keras.ops.convert_to_tensor([[1.0, 2.0, 3.0, 4.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[0.3651 0.7303 1.0954 1.4606]]

    References:
        Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv:1910.07467
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-6,
        *,
        use_scale: bool = True,
        scale_initializer: str | keras.initializers.Initializer = "ones",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(epsilon=epsilon)
        self.axis = axis
        self.epsilon = epsilon
        self.use_scale = use_scale
        self.scale_initializer = keras.initializers.get(scale_initializer)
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        self.scale = None
        if self.use_scale:
            shape = tuple(input_shape[a] for a in self._axes)
            self.scale = self.add_weight(name="scale", shape=shape, initializer=self.scale_initializer, autocast=False)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return rms_normalize(inputs, self.scale, self._axes, self.epsilon)

    def compute_output_shape(self, input_shape):
        return input_shape
