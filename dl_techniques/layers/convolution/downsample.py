from collections.abc import Mapping
from typing import Any

import keras

from dl_techniques._keras_layers import MaxPooling2D
from dl_techniques.layers.convolution._functional import check_symbolic, missing_conv_params, orthonormal, type_name
from dl_techniques.layers.convolution.conv2d_builder import conv2d_wrapper

# Whether there is a maximum first, the size of the kernel, and whether its filters are asked to be orthonormal.
_TYPES = {
    "conv2d_2x2": (False, 2, False),
    "conv2d_3x3": (False, 3, False),
    "conv2d_1x1_orthonormal": (False, 1, True),
    "strides": (False, 1, False),
    "maxpool": (True, 1, False),
    "maxpool_2x2_conv2d_1x1_orthonormal": (True, 1, True),
}


def downsample(
    input_layer: keras.KerasTensor,
    downsample_type: str,
    *,
    conv_params: Mapping[str, Any] | None = None,
    bn_params: Mapping[str, Any] | None = None,
    ln_params: Mapping[str, Any] | None = None,
) -> keras.KerasTensor:
    """Halves height and width of an image in a functional model, in one of six ways.

    | `downsample_type` | what it adds |
    |---|---|
    | "conv2d_2x2", "conv2d_3x3" | convolution of that size and stride 2 |
    | "conv2d_1x1_orthonormal" | 1 x 1 convolution of stride 2 with nearly orthonormal filters |
    | "strides" | 1 x 1 convolution of stride 2, or without `conv_params` just every second pixel |
    | "maxpool" | maximum of 2 x 2 pixels, then a 1 x 1 convolution if there are `conv_params` |
    | "maxpool_2x2_conv2d_1x1_orthonormal" | the same with nearly orthonormal filters |

    Nearly orthonormal filters have a `SoftOrthonormalConstraintRegularizer`, and start with a standard deviation of
    0.02 unless `conv_params` has an initializer.

    Args:
        input_layer: symbolic tensor `(batch, height, width, channels)`.
        downsample_type: one of the types above; case and spaces around it do not matter.
        conv_params: as of `conv2d_wrapper`, without size, strides and padding.
        bn_params: as of `conv2d_wrapper`, for a type with a convolution.
        ln_params: the same.

    Returns:
        Symbolic tensor `(batch, ceil(height / 2), ceil(width / 2), filters)`, with the channels of the input if there
        is no convolution.

    Example:

    >>> downsample(keras.Input((9, 6, 4)), "conv2d_3x3", conv_params={"filters": 8}).shape
    (None, 5, 3, 8)

    References:
        No paper.
    """
    check_symbolic(input_layer=input_layer)
    kind = type_name(_TYPES, downsample_type=downsample_type)
    pools, kernel_size, is_orthonormal = _TYPES[kind]
    x = input_layer
    if pools:
        x = MaxPooling2D(2, strides=2, padding="same", data_format="channels_last")(x)
    if conv_params is None:
        if kind not in ("strides", "maxpool"):
            raise missing_conv_params(downsample_type=downsample_type)
        return x if pools else x[:, ::2, ::2]
    arguments = orthonormal(conv_params) if is_orthonormal else conv_params
    forced = {"kernel_size": kernel_size, "strides": 1 if pools else 2, "padding": "same"}
    return conv2d_wrapper(x, {**arguments, **forced}, bn_params=bn_params, ln_params=ln_params)
