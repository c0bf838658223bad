from collections.abc import Callable, Sequence

import keras

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import check_divisible, check_positive_int, check_rank, is_int, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Conv2D
from dl_techniques._serialization import serializable
from dl_techniques._shapes import conv_output_shape, pair
from dl_techniques.layers.convolution.depthwise_conv2d import DepthwiseConv2D
from dl_techniques.utils.tensors import symmetric_zero_pad


@serializable
class YOLOv12ConvBlock(keras.layers.Layer):
    """Convolution, batch normalization and SiLU: the unit that YOLOv12 is built from.

    Formula: `y = activation(BN(conv(x)))`. The statistics of the normalization move by 3 % a batch.

    Args:
        filters: int, number of output channels.
        kernel_size: int or pair of them, height and width of the kernel.
        strides: int or pair of them, strides of the convolution.
        padding: "same" for `kernel_size // 2` zeros on every side, whatever the stride, as in the authors' code; the
            size of the kernel must then be odd. Keras' own "same" pads strided convolutions of even sizes at the end
            only, which shifts the image by half a pixel each time. Or "valid", or an int or a pair of them, the number
            of zeros on every side.
        groups: int, divides input and output channels; as many groups as both have is a depthwise convolution.
        activation: activation, or `None` for none.
        use_bias: bool, whether the convolution has a bias. The normalization has one, so it matters only where that is
            folded into the convolution.
        kernel_initializer: initializer of the kernel.
        kernel_regularizer: regularizer of the kernel, or `None`.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), filters)` for "same".

    Example:

    >>> tuple(YOLOv12ConvBlock(filters=24, strides=2)(keras.random.normal((2, 9, 8, 16))).shape)
    (2, 5, 4, 24)

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int] = 3,
        *,
        strides: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = "same",
        groups: int = 1,
        activation: str | Callable | None = "silu",
        use_bias: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(filters=filters, groups=groups)
        check_divisible(filters=filters, groups=groups)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.groups = groups
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self._kernel_size, self._strides = pair(kernel_size=kernel_size), pair(strides=strides)
        self._margins = _margins(padding, self._kernel_size)
        self._pads_itself = padding == "same" and self._strides == (1, 1)
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
        x = inputs if self._pads_itself else symmetric_zero_pad(inputs, self._margins)
        return self.activation(self.norm(self.conv(x), training=training))

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        padded = [size if size is None else size + 2 * m for size, m in zip(sizes, self._margins, strict=True)]
        return conv_output_shape((batch, *padded, channels), self.filters, self._kernel_size, self._strides, "valid")

    def _depthwise(self) -> DepthwiseConv2D:
        return DepthwiseConv2D(
            self._kernel_size,
            depthwise_initializer=fresh(self.kernel_initializer),
            depthwise_regularizer=self.kernel_regularizer,
            **self._common(),
        )

    def _grouped(self) -> Conv2D:
        return Conv2D(
            self.filters,
            self._kernel_size,
            groups=self.groups,
            data_format="channels_last",
            kernel_initializer=fresh(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            **self._common(),
        )

    def _common(self) -> dict:
        return {
            "strides": self._strides,
            "padding": "same" if self._pads_itself else "valid",
            "use_bias": self.use_bias,
            "name": "conv",
            "dtype": self.dtype_policy,
        }


def _margins(padding, kernel_size: tuple[int, int]) -> tuple[int, int]:
    """Zeros above and below, and on the left and on the right."""
    if padding == "valid":
        return 0, 0
    if padding == "same":
        if not all(size % 2 for size in kernel_size):
            raise ValueError(
                f'`kernel_size` must be odd where `padding` is "same". Received: kernel_size={kernel_size}'
            )
        return kernel_size[0] // 2, kernel_size[1] // 2
    margins = tuple(padding) if isinstance(padding, Sequence) else (padding, padding)
    if len(margins) != 2 or not all(is_int(margin) and margin >= 0 for margin in margins):
        raise ValueError(
            f'`padding` must be "same", "valid", an integer >= 0, or two of them. Received: padding={padding!r}'
        )
    return int(margins[0]), int(margins[1])
