"""Attention over tokens, windows and images.

Without rotation, so that the layers compute the same thing; RoPE has a row of its own.
"""

from collections.abc import Callable

import keras
from keras import ops
from keras.layers import (
    Attention,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    GroupQueryAttention,
    MultiHeadAttention,
    Reshape,
)

from bench.workloads.sizes import MOBILE_IMAGES, RESIDUAL_IMAGES, RESIDUAL_PIXELS, TOKENS, images, tokens
from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers

TOKEN_SWEEP = {
    f"tokens={tokens}": {"batch": 1, "tokens": tokens, "width": 256, "heads": 4, "kv_heads": 2}
    for tokens in (128, 256, 512, 1024, 2048)
}
WINDOWS = {
    "small": {"windows": 16, "window": 7, "width": 192, "heads": 6},  # Swin-T stage 2, one image of 224 pixels
    "medium": {"windows": 16, "window": 7, "width": 384, "heads": 12},  # Swin-T stage 3, four images
    "large": {"windows": 512, "window": 7, "width": 128, "heads": 4},  # Swin-B stage 1, eight images
    "gpu": {"windows": 16384, "window": 7, "width": 128, "heads": 4},  # the same, 256 images
}
MOBILE_TOKENS = {
    label: {**size, "tokens": size["side"] ** 2, "heads": 4, "kv_heads": 1} for label, size in MOBILE_IMAGES.items()
}


def query_and_value(size: Size) -> list[Shape]:
    return tokens(size) * 2


def windows(size: Size) -> list[Shape]:
    return [(size["windows"], size["window"] ** 2, size["width"])]


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


def multi_head_attention(size: Size) -> keras.layers.Layer:
    return MultiHeadAttention(size["heads"], size["width"] // size["heads"])


def group_query_attention(size: Size) -> keras.layers.Layer:
    return GroupQueryAttention(size["width"] // size["heads"], size["heads"], size["kv_heads"])


def non_local_attention(size: Size) -> keras.layers.Layer:
    """With half as many channels inside, as in the paper."""
    side, width = size["side"], size["width"]
    inputs = keras.Input((side, side, width))
    x = DepthwiseConv2D(7, padding="same", activation="relu", use_bias=False)(inputs)
    pixels = Reshape((side * side, width))(x)
    query = Dense(width // 2, use_bias=False)(pixels)
    key = Dense(width // 2, activation="relu", use_bias=False)(pixels)
    value = Dense(width // 2, use_bias=False)(pixels)
    mixed = Dense(width, use_bias=False)(Attention()([query, value, key]))
    return keras.Model(inputs, Reshape((side, side, width))(mixed))


def convolutional_block_attention(size: Size) -> keras.layers.Layer:
    side, width = size["side"], size["width"]
    inputs = keras.Input((side, side, width))
    reduce, expand = Dense(width // 8, activation="relu", use_bias=False), Dense(width, use_bias=False)
    mean, maximum = GlobalAveragePooling2D()(inputs), GlobalMaxPooling2D()(inputs)
    gate = ops.sigmoid(expand(reduce(mean)) + expand(reduce(maximum)))
    x = inputs * Reshape((1, 1, width))(gate)
    summary = ops.stack([ops.mean(x, axis=-1), ops.amax(x, axis=-1)], axis=-1)
    return keras.Model(inputs, x * Conv2D(1, 7, padding="same", activation="sigmoid")(summary))


def _built(attention: Callable[[Size], keras.layers.Layer]) -> Callable[[Size], keras.layers.Layer]:
    """The layer takes query and value, its native counterpart one sequence."""

    def build(size: Size) -> keras.layers.Layer:
        layer = attention(size)
        layer.build(*query_and_value(size))
        return layer

    return build


def _attention(name: str, layer, flops=full_attention_flops, inputs=tokens, sizes=TOKENS, **fields) -> Workload:
    return Workload(name, "attention", layer, inputs, sizes, flops, **fields)


def _image_attention(name: str, layer, flops, sizes=RESIDUAL_IMAGES, **fields) -> Workload:
    return Workload(name, "attention", layer, images, sizes, flops, **fields)


WORKLOADS = (
    # Attention. Without rotation, so that the three grouped ones compute the same thing; RoPE has a row of its own.
    _attention(
        "multi_head_self_attention",
        lambda size: layers.MultiHeadSelfAttention(size["width"], size["heads"]),
        native="native_multi_head_attention",
    ),
    _attention(
        "group_query_attention",
        lambda size: layers.GroupQueryAttention(
            size["width"],
            size["heads"],
            num_kv_heads=size["kv_heads"],
            max_seq_len=size["tokens"],
            rope_percentage=0.0,
        ),
        attention_flops,
        sizes={**TOKENS, **TOKEN_SWEEP},
        native="native_group_query_attention",
    ),
    _attention(
        "differential_attention",
        lambda size: layers.DifferentialAttention(
            size["width"], size["heads"], head_dim=size["width"] // size["heads"] // 2
        ),
        differential_flops,
    ),
    _attention(
        "window_attention",
        lambda size: layers.WindowAttention(size["width"], size["window"], num_heads=size["heads"]),
        window_flops,
        windows,
        WINDOWS,
    ),
    # Without normalization and refinement it is multi-head attention.
    _attention(
        "hopfield_attention",
        lambda size: layers.HopfieldAttention(size["heads"], size["width"] // size["heads"], normalize_patterns=False),
        native="native_multi_head_attention",
    ),
    # Their yardstick is plain attention: the ratio is what the temperatures and the cuts cost.
    _attention(
        "adaptive_multi_head_attention",
        lambda size: layers.AdaptiveMultiHeadAttention(size["heads"], size["width"] // size["heads"]),
        native="native_multi_head_attention",
    ),
    _attention(
        "sparse_attention",
        lambda size: layers.SparseAttention(size["heads"], size["width"] // size["heads"]),
        native="native_multi_head_attention",
    ),
    _image_attention(
        "non_local_attention",
        lambda size: layers.NonLocalAttention(size["width"] // 2, normalization=None),
        non_local_flops,
        native="native_non_local_attention",
    ),
    _image_attention(
        "convolutional_block_attention_module",
        lambda size: layers.ConvolutionalBlockAttentionModule(size["width"]),
        convolutional_block_attention_flops,
        RESIDUAL_PIXELS,
        native="native_convolutional_block_attention",
    ),
    _attention(
        "mobile_mqa",
        lambda size: layers.MobileMQA(size["width"], size["heads"], use_bias=True),
        attention_flops,
        images,
        MOBILE_TOKENS,
        native="native_multi_query_attention",
    ),
    _attention(
        "keras_multi_head_attention",
        multi_head_attention,
        inputs=query_and_value,
        native="native_multi_head_attention",
    ),
    _attention(
        "keras_group_query_attention",
        group_query_attention,
        attention_flops,
        query_and_value,
        native="native_group_query_attention",
    ),
    _image_attention(
        "keras_non_local_attention",
        non_local_attention,
        non_local_flops,
        native="native_non_local_attention",
    ),
    _image_attention(
        "keras_convolutional_block_attention",
        convolutional_block_attention,
        convolutional_block_attention_flops,
        RESIDUAL_PIXELS,
        native="native_convolutional_block_attention",
    ),
    _attention("native_multi_head_attention", _built(multi_head_attention), core="attention"),
    _attention(
        "native_group_query_attention",
        _built(group_query_attention),
        attention_flops,
        sizes={**TOKENS, **TOKEN_SWEEP},
        core="attention",
    ),
    _attention(
        "native_multi_query_attention",
        _built(group_query_attention),
        attention_flops,
        sizes=MOBILE_TOKENS,
        core="attention",
    ),
    _image_attention("native_non_local_attention", non_local_attention, non_local_flops, core="non_local_attention"),
    _image_attention(
        "native_convolutional_block_attention",
        convolutional_block_attention,
        convolutional_block_attention_flops,
        RESIDUAL_PIXELS,
        core="convolutional_block_attention",
    ),
)
