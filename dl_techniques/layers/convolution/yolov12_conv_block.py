from collections.abc import Callable

import keras

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import check_divisible, check_positive_int, check_rank, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Conv2D
from dl_techniques._serialization import serializable
from dl_techniques._shapes import same_padding_output_shape
from dl_techniques.layers.convolution.depthwise_conv2d import DepthwiseConv2D
from dl_techniques.utils.tensors import zero_pad


@serializable
class YOLOv12ConvBlock(keras.layers.Layer):
    """Convolution, batch normalization and SiLU: the unit that YOLOv12 is built from.

    Formula: `y = activation(BN(conv(x)))`. The convolution has no bias, as the normalization has one; its statistics
    move by 3 % a batch.

    The input is padded by `kernel_size // 2` zeros on every side, whatever the stride, as in the authors' code. Keras'
    "same" pads strided convolutions of even sizes at the end only, which shifts the image by half a pixel each time.

    Args:
        filters: int, number of output channels.
        kernel_size: int, odd, height and width of the kernel.
        strides: int, strides of the convolution.
        groups: int, divides input and output channels; as many groups as both have is a depthwise convolution.
        activation: activation, or `None` for none.
        kernel_initializer: initializer of the kernel.
        kernel_regularizer: regularizer of the kernel, or `None`.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, ceil(height / strides), ceil(width / strides), filters)`.

    Example:

    >>> tuple(YOLOv12ConvBlock(filters=24, strides=2)(keras.random.normal((2, 9, 8, 16))).shape)
    (2, 5, 4, 24)

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int = 3,
        *,
        strides: int = 1,
        groups: int = 1,
        activation: str | Callable | None = "silu",
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(filters=filters, kernel_size=kernel_size, strides=strides, groups=groups)
        if kernel_size % 2 == 0:
            raise ValueError(f"`kernel_size` must be odd. Received: kernel_size={kernel_size}")
        check_divisible(filters=filters, groups=groups)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.groups = groups
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.norm = BatchNormalization(momentum=0.97, epsilon=1e-3, name="norm", dtype=self.dtype_policy)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(
                "`groups` must divide the number of channels. "
                f"Received: groups={self.groups}, input_shape={tuple(input_shape)}"
            )
        self.conv = self._depthwise() if self.groups == channels == self.filters else self._grouped()
        self.conv.build((input_shape[0], None, None, channels))
        self.norm.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        if self.strides > 1:
            margin = self.kernel_size // 2
            x = zero_pad(zero_pad(x, 1, before=margin, after=margin), 2, before=margin, after=margin)
        return self.activation(self.norm(self.conv(x), training=training))

    def compute_output_shape(self, input_shape):
        return same_padding_output_shape(input_shape, self.strides, self.filters)

    def _depthwise(self) -> DepthwiseConv2D:
        return DepthwiseConv2D(
            self.kernel_size,
            depthwise_initializer=fresh(self.kernel_initializer),
            depthwise_regularizer=self.kernel_regularizer,
            **self._common(),
        )

    def _grouped(self) -> Conv2D:
        return Conv2D(
            self.filters,
            self.kernel_size,
            groups=self.groups,
            data_format="channels_last",
            kernel_initializer=fresh(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            **self._common(),
        )

    def _common(self) -> dict:
        return {
            "strides": self.strides,
            "padding": "same" if self.strides == 1 else "valid",
            "use_bias": False,
            "name": "conv",
            "dtype": self.dtype_policy,
        }
