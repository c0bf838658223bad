"""How large the workloads are: sizes after published models, the inputs of a size, and the operations on them."""

from collections.abc import Callable

import numpy as np

from bench.built_ins import Size
from dl_techniques import layers

Shape = tuple[int, ...]

TOKENS = {
    "small": {"batch": 2, "tokens": 196, "width": 192, "heads": 3, "kv_heads": 1},  # ViT-Ti/16 at 224 pixels
    "medium": {"batch": 4, "tokens": 196, "width": 384, "heads": 6, "kv_heads": 2},  # ViT-S/16 at 224 pixels
    "large": {"batch": 1, "tokens": 1024, "width": 2048, "heads": 32, "kv_heads": 8},  # Llama 3.2 1B
    "gpu": {"batch": 2, "tokens": 4096, "width": 4096, "heads": 32, "kv_heads": 8},  # Llama 3 8B
}
# What only reads and writes must do so for longer than a call takes to begin, and far beyond a GPU's cache.
ROWS = {**TOKENS, "gpu": {**TOKENS["gpu"], "batch": 32}}
TOKEN_SWEEP = {
    f"tokens={tokens}": {"batch": 1, "tokens": tokens, "width": 256, "heads": 4, "kv_heads": 2}
    for tokens in (128, 256, 512, 1024, 2048)
}
WIDTH_SWEEP = {
    f"width={width}": {"batch": 4, "tokens": 256, "width": width} for width in (128, 256, 512, 1024, 2048, 4096)
}
WINDOWS = {
    "small": {"windows": 16, "window": 7, "width": 192, "heads": 6},  # Swin-T stage 2, one image of 224 pixels
    "medium": {"windows": 16, "window": 7, "width": 384, "heads": 12},  # Swin-T stage 3, four images
    "large": {"windows": 512, "window": 7, "width": 128, "heads": 4},  # Swin-B stage 1, eight images
    "gpu": {"windows": 16384, "window": 7, "width": 128, "heads": 4},  # the same, 256 images
}
IMAGES = {
    "small": {"batch": 2, "side": 14, "width": 160},  # ConvNeXt V2 Atto stage 3
    "medium": {"batch": 2, "side": 14, "width": 384},  # ConvNeXt-T stage 3
    "large": {"batch": 8, "side": 56, "width": 128},  # ConvNeXt-B stage 1
    "gpu": {"batch": 256, "side": 56, "width": 128},
}
PIXELS = {**IMAGES, "gpu": {**IMAGES["gpu"], "batch": 1024}}
SIDE_SWEEP = {f"side={side}": {"batch": 1, "side": side, "width": 64} for side in (14, 28, 56, 112)}
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
MOBILE_TOKENS = {
    label: {**size, "tokens": size["side"] ** 2, "heads": 4, "kv_heads": 1} for label, size in MOBILE_IMAGES.items()
}
CEILINGS = {"cpu": {"side": 1536}, "gpu": {"side": 8192}}
COPIES = {"cpu": {"elements": 2**25}, "gpu": {"elements": 2**28}}


def tokens(size: Size) -> list[Shape]:
    return [(size["batch"], size["tokens"], size["width"])]


def query_and_value(size: Size) -> list[Shape]:
    return tokens(size) * 2


def heads(size: Size) -> list[Shape]:
    return [(size["batch"], size["heads"], size["tokens"], size["width"] // size["heads"])]


def windows(size: Size) -> list[Shape]:
    return [(size["windows"], size["window"] ** 2, size["width"])]


def images(size: Size) -> list[Shape]:
    return [(size["batch"], size["side"], size["side"], size["width"])]


def per_element(operations: int, inputs: Callable[[Size], list[Shape]]) -> Callable[[Size], float]:
    return lambda size: operations * float(np.prod(inputs(size)[0]))


def attention_flops(size: Size) -> float:
    """Four projections, then scores and weighted sum."""
    batch, length, width = size["batch"], size["tokens"], size["width"]
    shared = size["kv_heads"] / size["heads"]
    projections = 2 * batch * length * width * width * (2 + 2 * shared)
    return projections + 2 * 2 * batch * length**2 * width


def full_attention_flops(size: Size) -> float:
    return attention_flops({**size, "kv_heads": size["heads"]})


def differential_flops(size: Size) -> float:
    """Two maps of half the width for the scores, one weighted sum."""
    return full_attention_flops(size)


def window_flops(size: Size) -> float:
    count, length, width = size["windows"], size["window"] ** 2, size["width"]
    return 2 * count * length * width * width * 4 + 2 * 2 * count * length**2 * width


def non_local_flops(size: Size) -> float:
    """Depthwise 7x7, four projections to half the width or back, scores and weighted sum."""
    pixels, width = size["side"] ** 2, size["width"]
    return size["batch"] * pixels * width * (2 * 49 + 2 * 4 * width // 2 + 2 * 2 * pixels // 2)


def convolutional_block_attention_flops(size: Size) -> float:
    """Two means, two maxima and two products; a network with an eighth of the width for two summaries; 7x7."""
    pixels, width = size["side"] ** 2, size["width"]
    return size["batch"] * (6 * pixels * width + 2 * 2 * 2 * width * width // 8 + 2 * 49 * 2 * pixels)


def squeeze_excitation_flops(size: Size) -> float:
    """A mean and a product; a network with a quarter of the width."""
    pixels, width = size["side"] ** 2, size["width"]
    return size["batch"] * (2 * pixels * width + 2 * 2 * width * width // 4)


def convnext_flops(size: Size) -> float:
    pixels, width = size["batch"] * size["side"] ** 2, size["width"]
    return pixels * width * (2 * 49 + 2 * 2 * 4 * width)


def inverted_bottleneck_flops(size: Size) -> float:
    """Start and middle depthwise 3x3, expansion by 4, projection."""
    pixels, width = size["batch"] * size["side"] ** 2, size["width"]
    return pixels * width * (2 * 9 + 2 * 9 * 4 + 2 * 2 * 4 * width)


def mlp_flops(size: Size) -> float:
    """To four times the width and back."""
    return 2 * 2 * 4 * size["batch"] * size["tokens"] * size["width"] ** 2


def swiglu_flops(size: Size) -> float:
    hidden = layers.SwiGLUFFN(size["width"]).hidden_dim
    return 2 * 3 * size["batch"] * size["tokens"] * size["width"] * hidden


def diff_ffn_flops(size: Size) -> float:
    """Two branches of four times the width with gates of twice the width, one projection back."""
    return 2 * (2 * (4 + 4 * 2) + 2) * size["batch"] * size["tokens"] * size["width"] ** 2


def conv_flops(size: Size) -> float:
    return 2 * 9 * size["batch"] * size["side"] ** 2 * size["width"] ** 2


def depthwise_flops(size: Size) -> float:
    return 2 * 49 * size["batch"] * size["side"] ** 2 * size["width"]
