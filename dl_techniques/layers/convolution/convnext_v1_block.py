import keras

from dl_techniques._serialization import serializable
from dl_techniques.layers.convolution._convnext import ConvNeXtBranch
from dl_techniques.layers.regularization.layer_scale import LayerScale


@serializable
class ConvNeXtV1Block(ConvNeXtBranch):
    """The residual branch of a ConvNeXt block: a large depthwise convolution and an inverted bottleneck.

    A convolutional network with the macro design of vision transformers. This is the branch only: the caller adds the
    input and, if wanted, stochastic depth. So it can also change the resolution and the number of channels.

    Formula: `y = gamma * project(dropout(activation(expand(norm(depthwise(x))))))`, where `expand` and `project` work
    on each pixel, to `4 * filters` and `filters` channels, and `norm` is layer normalization over the channels.

    Args:
        filters: int, number of output channels.
        kernel_size: int or pair of them, size of the depthwise kernel.
        strides: int or pair of equal ones, strides of the depthwise convolution.
        activation: activation between the two pointwise layers; "gelu" is the exact one.
        dropout_rate: float in [0, 1), dropout of single elements after the activation.
        spatial_dropout_rate: float in [0, 1), dropout of whole channels after the activation.
        use_bias: bool, whether convolution, pointwise layers and normalization have biases.
        gamma_initializer: initializer of the layer scale `gamma`, one gain a channel. The paper starts at 1e-6:
            `keras.initializers.Constant(1e-6)`.
        kernel_regularizer: regularizer of the depthwise and of the two pointwise kernels.
        seed: int or `None`, seed of the dropouts.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:

    >>> x = keras.random.normal((2, 8, 8, 16))
    >>> y = x + ConvNeXtV1Block(filters=16)(x)

    References:
        Liu et al., "A ConvNet for the 2020s", arXiv:2201.03545
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
        gamma_initializer: str | keras.initializers.Initializer = "ones",
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
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.layer_scale = LayerScale(
            initializer=self.gamma_initializer, constraint=None, name="layer_scale", dtype=self.dtype_policy
        )

    def build(self, input_shape):
        super().build(input_shape)
        self.layer_scale.build(self.compute_output_shape(input_shape))

    def call(self, inputs, training=None):
        return self.layer_scale(self._projected(self._expanded(inputs), training))
