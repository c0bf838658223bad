from collections.abc import Callable

import keras
from keras import ops

from dl_techniques._checks import check_positive, check_rank, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable


@serializable
class SqueezeExcitation(keras.layers.Layer):
    """Channel attention: each channel is scaled by a gate that has seen the whole image.

    Formula: `y = x * sigmoid(restore(activation(reduce(mean_hw(x)))))`, the mean in float32. `reduce` leads from all
    channels to `max(1, round(channels * reduction_ratio))` of them, `restore` back.

    The paper has a ratio of 1/16 and biases; the defaults are those of the mobile networks that took it up.

    Args:
        reduction_ratio: float in (0, 1], width of the bottleneck relative to the channels.
        activation: activation in the bottleneck.
        use_bias: bool, whether both transforms have a bias.
        kernel_initializer: initializer of both kernels.
        kernel_regularizer: regularizer of both kernels, or None.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        Same as the input.

    Example:

    >>> y = SqueezeExcitation(kernel_initializer="zeros")(keras.ops.ones((1, 2, 2, 3)))
    >>> print(keras.ops.convert_to_numpy(y)[0, 0])
    [[0.5 0.5 0.5]
     [0.5 0.5 0.5]]

    References:
        Hu et al., "Squeeze-and-Excitation Networks", arXiv:1709.01507
    """

    def __init__(
        self,
        reduction_ratio: float = 0.25,
        *,
        activation: str | Callable = "relu",
        use_bias: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(reduction_ratio=reduction_ratio)
        if reduction_ratio > 1:
            raise ValueError(f"`reduction_ratio` must lie in (0, 1]. Received: reduction_ratio={reduction_ratio}")
        self.reduction_ratio = reduction_ratio
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        channels = input_shape[-1]
        bottleneck = max(1, round(channels * self.reduction_ratio))
        self.reduce = self._dense(bottleneck, "reduce", 0)
        self.restore = self._dense(channels, "restore", 1)
        self.reduce.build((input_shape[0], channels))
        self.restore.build((input_shape[0], bottleneck))
        super().build(input_shape)

    def call(self, inputs, training=None):
        mean = ops.cast(mean_over(at_least_float32(inputs), axis=(1, 2)), inputs.dtype)
        gate = ops.sigmoid(self.restore(self.activation(self.reduce(mean))))
        return inputs * gate[:, None, None]

    def compute_output_shape(self, input_shape):
        return input_shape

    def _dense(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
