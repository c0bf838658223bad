import warnings

import keras
import numpy as np

from dl_techniques._checks import check_positive, check_positive_int
from dl_techniques._serialization import serializable

# The mean of a 2 x 2 block, then its differences between columns, between rows, and along the diagonals.
_FILTERS = 0.5 * np.array([[[1, 1], [1, 1]], [[1, -1], [1, -1]], [[1, 1], [-1, -1]], [[1, -1], [-1, 1]]])


@serializable
class HaarWaveletInitializer(keras.initializers.Initializer):
    """The four filters of the two-dimensional Haar wavelet, as a depthwise kernel.

    Each channel gets the same filters, in the order LL, LH, HL, HH: `(LL, (HL, LH, HH))` are the coefficients
    `(cA, (cH, cV, cD))` of PyWavelets. With `scale=1` they are orthonormal, so a convolution of stride 2 keeps the
    energy of an image and the transposed convolution gives it back.

    Formula: `scale / 2` times `[[1, 1], [1, 1]]`, `[[1, -1], [1, -1]]`, `[[1, 1], [-1, -1]]`, `[[1, -1], [-1, 1]]`;
    filter `j` of a channel is number `j mod 4`.

    Args:
        scale: float > 0.

    Input shape:
        `(2, 2, channels, multiplier)`.

    Output shape:
        That shape.

    Example:

    >>> kernel = HaarWaveletInitializer()((2, 2, 1, 4))
    >>> print(keras.ops.convert_to_numpy(kernel)[:, :, 0, 1])
    [[ 0.5 -0.5]
     [ 0.5 -0.5]]

    References:
        - Mallat, "A Theory for Multiresolution Signal Decomposition: The Wavelet Representation",
          doi:10.1109/34.192463
        - Fujieda et al., "Wavelet Convolutional Neural Networks", arXiv:1805.08620
    """

    def __init__(self, scale: float = 1.0):
        check_positive(scale=scale)
        self.scale = scale

    def __call__(self, shape, dtype=None):
        if len(shape) != 4 or tuple(shape[:2]) != (2, 2):
            raise ValueError(f"The shape must be (2, 2, channels, multiplier). Received: shape={shape}")
        _, _, channels, multiplier = shape
        one_channel = np.stack([_FILTERS[j % 4] for j in range(multiplier)], axis=-1)
        kernel = self.scale * np.repeat(one_channel[:, :, None], channels, axis=2)
        return keras.ops.convert_to_tensor(kernel, dtype=dtype or keras.config.floatx())


def create_haar_depthwise_conv2d(
    input_shape: tuple[int | None, int | None, int],
    channel_multiplier: int = 4,
    *,
    scale: float = 1.0,
    use_bias: bool = False,
    kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
    trainable: bool = False,
    name: str | None = None,
) -> keras.layers.DepthwiseConv2D:
    """Returns a built layer that splits images into their Haar wavelet coefficients, at half the height and width.

    Args:
        input_shape: `(height, width, channels)`.
        channel_multiplier: int, filters for each channel. The transform has four; other numbers leave filters out or
            repeat them, which makes sense, and is warned of, unless they are trained.
        scale: float > 0, see `HaarWaveletInitializer`.
        use_bias: bool.
        kernel_regularizer: regularizer of the kernel, or None.
        trainable: bool, whether the filters are only a start.
        name: str, "haar_dwconv" by default.

    Example:

    >>> layer = create_haar_depthwise_conv2d((4, 4, 1))
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.ones((1, 4, 4, 1))))[0, 0, 0])
    [2. 0. 0. 0.]
    """
    if len(input_shape) != 3:
        raise ValueError(
            f"`input_shape` must be (height, width, channels). Received: input_shape={tuple(input_shape)}"
        )
    check_positive_int(channel_multiplier=channel_multiplier)
    if channel_multiplier != 4 and not trainable:
        warnings.warn(
            f"Fixed Haar filters are four. Received: channel_multiplier={channel_multiplier}, trainable=False",
            stacklevel=2,
        )
    layer = keras.layers.DepthwiseConv2D(
        2,
        strides=2,
        padding="valid",
        depth_multiplier=channel_multiplier,
        data_format="channels_last",
        use_bias=use_bias,
        depthwise_initializer=HaarWaveletInitializer(scale),
        depthwise_regularizer=kernel_regularizer,
        trainable=trainable,
        name=name or "haar_dwconv",
    )
    layer.build((None, *input_shape))
    return layer
