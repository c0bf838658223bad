"""Sizes after published models that several families share, and the inputs of a size."""

from collections.abc import Callable

import numpy as np

from bench.workloads.workload import Shape, Size

TOKENS = {
    "small": {"batch": 2, "tokens": 196, "width": 192, "heads": 3, "kv_heads": 1},  # ViT-Ti/16 at 224 pixels
    "medium": {"batch": 4, "tokens": 196, "width": 384, "heads": 6, "kv_heads": 2},  # ViT-S/16 at 224 pixels
    "large": {"batch": 1, "tokens": 1024, "width": 2048, "heads": 32, "kv_heads": 8},  # Llama 3.2 1B
    "gpu": {"batch": 2, "tokens": 4096, "width": 4096, "heads": 32, "kv_heads": 8},  # Llama 3 8B
}
# What only reads and writes must do so for longer than a call takes to begin, and far beyond a GPU's cache.
ROWS = {**TOKENS, "gpu": {**TOKENS["gpu"], "batch": 32}}
IMAGES = {
    "small": {"batch": 2, "side": 14, "width": 160},  # ConvNeXt V2 Atto stage 3
    "medium": {"batch": 2, "side": 14, "width": 384},  # ConvNeXt-T stage 3
    "large": {"batch": 8, "side": 56, "width": 128},  # ConvNeXt-B stage 1
    "gpu": {"batch": 256, "side": 56, "width": 128},
}
RESIDUAL_IMAGES = {
    "small": {"batch": 2, "side": 14, "width": 64},  # ResNet-18 stage 1 at 56 pixels
    "medium": {"batch": 4, "side": 14, "width": 256},  # ResNet-50 stage 4
    "large": {"batch": 8, "side": 56, "width": 64},  # ResNet-50 stage 2
    "gpu": {"batch": 1024, "side": 14, "width": 256},  # ResNet-50 stage 4
}
RESIDUAL_PIXELS = {**RESIDUAL_IMAGES, "gpu": {**RESIDUAL_IMAGES["gpu"], "batch": 8192}}
MOBILE_IMAGES = {
    "small": {"batch": 2, "side": 14, "width": 96},  # MobileNetV4-Conv-S
    "medium": {"batch": 2, "side": 14, "width": 160},  # MobileNetV4-Conv-M stage 4
    "large": {"batch": 8, "side": 28, "width": 192},  # MobileNetV4-Conv-L stage 3
    "gpu": {"batch": 256, "side": 28, "width": 192},
}


def tokens(size: Size) -> list[Shape]:
    return [(size["batch"], size["tokens"], size["width"])]


def images(size: Size) -> list[Shape]:
    return [(size["batch"], size["side"], size["side"], size["width"])]


def per_element(operations: int, inputs: Callable[[Size], list[Shape]]) -> Callable[[Size], float]:
    return lambda size: operations * float(np.prod(inputs(size)[0]))
