import keras
from keras import ops

from dl_techniques._checks import check_choice, check_positive_int, check_rank, normalize_axes
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation


@serializable
class GatedMLP(FeedForward):
    """Gated network on each pixel of an image; gate and value are both activated.

    A relative of the gated linear units, which activate the gate only. It has no spatial gating unit, so unlike gMLP
    it does not mix pixels.

    Formula: `y = output_activation(W_d (a(W_g x + b_g) * a(W_u x + b_u)) + b_d)` with `a = attention_activation`.

    Args:
        filters: int, number of channels, in between and of the output.
        use_bias: bool, whether the three projections have biases.
        attention_activation: activation of gate and value.
        output_activation: activation of the output.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        bias_regularizer: regularizer of the biases, or None.
        data_format: "channels_last", "channels_first", or None for Keras' setting.

    Input shape:
        `(batch, height, width, channels)`, or `(batch, channels, height, width)` for "channels_first".

    Output shape:
        The same with `filters` channels.

    Example:

    >>> layer = GatedMLP(filters=24, attention_activation="gelu")
    >>> tuple(layer(keras.random.normal((2, 7, 7, 16))).shape)
    (2, 7, 7, 24)

    References:
        Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202
    """

    def __init__(
        self,
        filters: int,
        use_bias: bool = True,
        *,
        attention_activation="relu",
        output_activation="linear",
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        data_format: str | None = None,
        **kwargs,
    ):
        super().__init__(
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            **kwargs,
        )
        check_positive_int(filters=filters)
        # Resolved here, so that a saved layer keeps its meaning under another setting.
        data_format = keras.config.image_data_format() if data_format is None else data_format
        check_choice(("channels_first", "channels_last"), data_format=data_format)
        self.filters = filters
        self.attention_activation = named_activation(attention_activation=attention_activation)
        self.output_activation = named_activation(output_activation=output_activation)
        self.data_format = data_format

        self._channel_axis = 1 if data_format == "channels_first" else 3
        self.gate = self._dense(filters, "gate", 0)
        self.up = self._dense(filters, "up", 1)
        self.down = self._dense(filters, "down", 2)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(self._channel_axis, input_shape)
        batch_and_channels = (input_shape[0], input_shape[self._channel_axis])
        super().build(batch_and_channels)
        self.gate.build(batch_and_channels)
        self.up.build(batch_and_channels)
        self.down.build((input_shape[0], self.filters))

    def call(self, inputs, training=None):
        x = ops.moveaxis(inputs, self._channel_axis, -1)
        gated = self.attention_activation(self.gate(x)) * self.attention_activation(self.up(x))
        return ops.moveaxis(self.output_activation(self.down(gated)), -1, self._channel_axis)

    def compute_output_shape(self, input_shape):
        return tuple(self.filters if axis == self._channel_axis else size for axis, size in enumerate(input_shape))
