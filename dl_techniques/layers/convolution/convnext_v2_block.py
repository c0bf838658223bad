import keras

from dl_techniques._serialization import serializable
from dl_techniques.layers.convolution._convnext import ConvNeXtBranch
from dl_techniques.layers.norms.global_response_norm import GlobalResponseNormalization


@serializable
class ConvNeXtV2Block(ConvNeXtBranch):
    """The residual branch of a ConvNeXt V2 block: `ConvNeXtV1Block` with competing channels instead of layer scale.

    Global response normalization after the activation keeps channels from collapsing when the network is trained as a
    masked autoencoder. It starts as the identity. This is the branch only: the caller adds the input and, if wanted,
    stochastic depth. So it can also change the resolution and the number of channels.

    Formula: `y = project(dropout(grn(activation(expand(norm(depthwise(x)))))))`, where `expand` and `project` work on
    each pixel, to `4 * filters` and `filters` channels, and `norm` is layer normalization over the channels.

    Args:
        filters: int, number of output channels.
        kernel_size: int or pair of them, size of the depthwise kernel.
        strides: int or pair of equal ones, strides of the depthwise convolution.
        activation: activation between the two pointwise layers; "gelu" is the exact one.
        dropout_rate: float in [0, 1), dropout of single elements after the global response normalization.
        spatial_dropout_rate: float in [0, 1), dropout of whole channels at the same place.
        use_bias: bool, whether convolution, pointwise layers and layer normalization have biases.
        kernel_regularizer: regularizer of the depthwise and of the two pointwise kernels.
        seed: int or `None`, seed of the dropouts.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> y = x + ConvNeXtV2Block(filters=16)(x)

    References:
        Woo et al., "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders", arXiv:2301.00808
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 7,
        *,
        strides: int | tuple[int, int] = 1,
        activation="gelu",
        dropout_rate: float = 0.0,
        spatial_dropout_rate: float = 0.0,
        use_bias: bool = True,
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            activation=activation,
            dropout_rate=dropout_rate,
            spatial_dropout_rate=spatial_dropout_rate,
            use_bias=use_bias,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        self.grn = GlobalResponseNormalization(name="grn", dtype=self.dtype_policy)

    def build(self, input_shape):
        super().build(input_shape)
        self.grn.build(self._hidden_shape(input_shape))

    def call(self, inputs, training=None):
        return self._projected(self.grn(self._expanded(inputs)), training)
