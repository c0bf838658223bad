"""Convolution blocks and what gates their channels."""

import keras
from keras.layers import Dense, GlobalAveragePooling2D, Reshape

from bench.workloads.sizes import IMAGES, MOBILE_IMAGES, RESIDUAL_IMAGES, RESIDUAL_PIXELS, images
from bench.workloads.workload import Size, Workload
from dl_techniques import layers

SIDE_SWEEP = {f"side={side}": {"batch": 1, "side": side, "width": 64} for side in (14, 28, 56, 112)}


def convnext_flops(size: Size) -> float:
    pixels, width = size["batch"] * size["side"] ** 2, size["width"]
    return pixels * width * (2 * 49 + 2 * 2 * 4 * width)


def inverted_bottleneck_flops(size: Size) -> float:
    """Start and middle depthwise 3x3, expansion by 4, projection."""
    pixels, width = size["batch"] * size["side"] ** 2, size["width"]
    return pixels * width * (2 * 9 + 2 * 9 * 4 + 2 * 2 * 4 * width)


def squeeze_excitation_flops(size: Size) -> float:
    """A mean and a product; a network with a quarter of the width."""
    pixels, width = size["side"] ** 2, size["width"]
    return size["batch"] * (2 * pixels * width + 2 * 2 * width * width // 4)


def conv_flops(size: Size) -> float:
    return 2 * 9 * size["batch"] * size["side"] ** 2 * size["width"] ** 2


def depthwise_flops(size: Size) -> float:
    return 2 * 49 * size["batch"] * size["side"] ** 2 * size["width"]


def squeeze_excitation(size: Size) -> keras.layers.Layer:
    side, width = size["side"], size["width"]
    inputs = keras.Input((side, side, width))
    hidden = Dense(width // 4, activation="relu", use_bias=False)(GlobalAveragePooling2D()(inputs))
    gate = Dense(width, activation="sigmoid", use_bias=False)(hidden)
    return keras.Model(inputs, inputs * Reshape((1, 1, width))(gate))


def _convolution(name: str, layer, flops, sizes=IMAGES, **fields) -> Workload:
    return Workload(name, "convolution", layer, images, sizes, flops, **fields)


WORKLOADS = (
    _convolution("convnext_v1_block", lambda size: layers.ConvNeXtV1Block(size["width"]), convnext_flops),
    _convolution(
        "convnext_v2_block",
        lambda size: layers.ConvNeXtV2Block(size["width"]),
        convnext_flops,
        {**IMAGES, **SIDE_SWEEP},
    ),
    _convolution(
        "uib", lambda size: layers.UIB(size["width"], block_type="ExtraDW"), inverted_bottleneck_flops, MOBILE_IMAGES
    ),
    _convolution(
        "depthwise_conv2d",
        lambda size: layers.DepthwiseConv2D(7, padding="same"),
        depthwise_flops,
        native="native_depthwise_conv2d",
    ),
    _convolution(
        "squeeze_excitation",
        lambda size: layers.SqueezeExcitation(),
        squeeze_excitation_flops,
        RESIDUAL_PIXELS,
        native="native_squeeze_excitation",
    ),
    _convolution(
        "keras_squeeze_excitation",
        squeeze_excitation,
        squeeze_excitation_flops,
        RESIDUAL_PIXELS,
        native="native_squeeze_excitation",
    ),
    _convolution(
        "keras_conv2d",
        lambda size: keras.layers.Conv2D(size["width"], 3, padding="same"),
        conv_flops,
        RESIDUAL_IMAGES,
        native="native_conv2d",
    ),
    _convolution(
        "keras_depthwise_conv2d",
        lambda size: keras.layers.DepthwiseConv2D(7, padding="same"),
        depthwise_flops,
        native="native_depthwise_conv2d",
    ),
    _convolution(
        "native_conv2d",
        lambda size: keras.layers.Conv2D(size["width"], 3, padding="same"),
        conv_flops,
        RESIDUAL_IMAGES,
        core="conv2d",
    ),
    _convolution(
        "native_depthwise_conv2d",
        lambda size: keras.layers.DepthwiseConv2D(7, padding="same"),
        depthwise_flops,
        core="depthwise_conv2d",
    ),
    _convolution(
        "native_squeeze_excitation",
        squeeze_excitation,
        squeeze_excitation_flops,
        RESIDUAL_PIXELS,
        core="squeeze_excitation",
    ),
)
