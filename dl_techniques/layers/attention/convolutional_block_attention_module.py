import keras

from dl_techniques._keras_layers import Part
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention.channel_attention import ChannelAttention
from dl_techniques.layers.attention.spatial_attention import SpatialAttention


@serializable
class ConvolutionalBlockAttentionModule(keras.layers.Layer):
    """CBAM: weighs first the channels of an image, then its pixels.

    It fits behind any convolution, as it keeps the shape, and costs little beside it.

    Formula: `y = x * channel(x)`, `z = y * spatial(y)` with the weights of `ChannelAttention` and `SpatialAttention`.

    Args:
        channels: int, number of channels.
        ratio: int, the hidden layer of the channel attention has `channels // ratio` units. The paper takes 16.
        kernel_size: int, odd, size of the filter of the spatial attention.
        channel_use_bias: bool, whether the two layers of the channel attention have biases, as in the authors' code.
        spatial_use_bias: bool, whether the filter of the spatial attention has a bias. The authors' has a batch
            normalization instead, which can be folded into filter and bias.
        channel_kernel_initializer: initializer of the channel attention's kernels.
        spatial_kernel_initializer: initializer of the spatial attention's kernel.
        channel_kernel_regularizer: regularizer of the channel attention's kernels.
        spatial_kernel_regularizer: regularizer of the spatial attention's kernel.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        Same as the input.

    Example:

    >>> layer = ConvolutionalBlockAttentionModule(channels=16)
    >>> tuple(layer(keras.random.normal((2, 8, 8, 16))).shape)
    (2, 8, 8, 16)

    References:
        Woo et al., "CBAM: Convolutional Block Attention Module", arXiv:1807.06521
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 8,
        *,
        kernel_size: int = 7,
        channel_use_bias: bool = False,
        spatial_use_bias: bool = True,
        channel_kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        spatial_kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        channel_kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        spatial_kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.channels = channels
        self.ratio = ratio
        self.kernel_size = kernel_size
        self.channel_use_bias = channel_use_bias
        self.spatial_use_bias = spatial_use_bias
        self.channel_kernel_initializer = keras.initializers.get(channel_kernel_initializer)
        self.spatial_kernel_initializer = keras.initializers.get(spatial_kernel_initializer)
        self.channel_kernel_regularizer = keras.regularizers.get(channel_kernel_regularizer)
        self.spatial_kernel_regularizer = keras.regularizers.get(spatial_kernel_regularizer)

        self.channel_attention = _ChannelAttention(
            channels,
            ratio,
            kernel_initializer=self.channel_kernel_initializer,
            kernel_regularizer=self.channel_kernel_regularizer,
            use_bias=channel_use_bias,
            name="channel_attention",
            dtype=self.dtype_policy,
        )
        self.spatial_attention = _SpatialAttention(
            kernel_size,
            kernel_initializer=self.spatial_kernel_initializer,
            kernel_regularizer=self.spatial_kernel_regularizer,
            use_bias=spatial_use_bias,
            name="spatial_attention",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self.channel_attention.build(input_shape)
        self.spatial_attention.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs * self.channel_attention(inputs)
        return x * self.spatial_attention(x)

    def compute_output_shape(self, input_shape):
        return input_shape


class _ChannelAttention(Part, ChannelAttention):
    pass


class _SpatialAttention(Part, SpatialAttention):
    pass
