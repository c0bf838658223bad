"""What is measured: which technique, at which sizes, how many operations, and its native counterpart.

A file of your own with a list `WORKLOADS` is measured the same way: `--workloads my_workloads.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from backends.protocol import Model
from bench import built_ins
from bench.built_ins import Size
from bench.sizes import (
    CEILINGS,
    COPIES,
    IMAGES,
    MOBILE_IMAGES,
    MOBILE_TOKENS,
    PIXELS,
    RESIDUAL_IMAGES,
    RESIDUAL_PIXELS,
    ROWS,
    SIDE_SWEEP,
    TOKEN_SWEEP,
    TOKENS,
    WIDTH_SWEEP,
    WINDOWS,
    Shape,
    attention_flops,
    conv_flops,
    convnext_flops,
    convolutional_block_attention_flops,
    depthwise_flops,
    diff_ffn_flops,
    differential_flops,
    full_attention_flops,
    heads,
    images,
    inverted_bottleneck_flops,
    mlp_flops,
    non_local_flops,
    per_element,
    query_and_value,
    squeeze_excitation_flops,
    swiglu_flops,
    tokens,
    window_flops,
    windows,
)
from dl_techniques import layers


@dataclass(frozen=True, eq=False)
class Workload:
    """One layer at several sizes.

    Args:
        name: how results call it; unique.
        family: "attention", "normalization", "convolution", "feed-forward", "embedding", "regularization" or one of
            your own.
        layer: makes the layer for a size. The dtype policy of the case is the global one while it runs.
        inputs: shapes of the layer's inputs for a size, batch included.
        sizes: label -> numbers. Labels of a sweep look like "tokens=512"; "cpu" and "gpu" are for that device only.
        flops: floating-point operations of one forward pass for a size; a multiply-add counts as two.
        integers: where an input holds integers, an entry for each: None for those that do not, else its dtype, its
            lowest value and the first that is too high: ("int32", 0, 100) for token ids, ("bool", 0, 2) for a mask.
        native: name of the workload with the native counterpart of this layer.
        core: for native workloads, the function of `backends.native` that computes what `layer` computes.
        options: keyword arguments of `core`.
    """

    name: str
    family: str
    layer: Callable[[Size], keras.layers.Layer]
    inputs: Callable[[Size], list[Shape]]
    sizes: Mapping[str, Size]
    flops: Callable[[Size], float] | None = None
    integers: Sequence[tuple[str, int, int] | None] = ()
    native: str | None = None
    core: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, size: Size, dtype: str, native) -> tuple[Model, str]:
        """Returns the built model and the technique's name; `native` is the module of native cores."""
        keras.utils.set_random_seed(0)
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(dtype)
        try:
            layer = self.layer(size)
            if not layer.built:
                layer.build(*self.inputs(size))
        finally:
            keras.config.set_dtype_policy(before)
        if self.core is None:
            origin = "keras." if type(layer).__module__.startswith("keras.") else ""
            return layer, origin + type(layer).__name__
        weights = [np.asarray(keras.ops.convert_to_numpy(w), "float32") for w in layer.weights]
        return getattr(native, self.core)(weights, dtype, **self.options), f"native.{self.core}"


EPSILON = 1e-6


def _built(attention: Callable[[Size], keras.layers.Layer]) -> Callable[[Size], keras.layers.Layer]:
    """The layer takes query and value, its native counterpart one sequence."""

    def build(size: Size) -> keras.layers.Layer:
        layer = attention(size)
        layer.build(*query_and_value(size))
        return layer

    return build


def _normalization(name: str, layer, operations: int = 5, sizes: Mapping[str, Size] = ROWS, **fields) -> Workload:
    return Workload(name, "normalization", layer, tokens, sizes, per_element(operations, tokens), **fields)


def _attention(name: str, layer, flops=full_attention_flops, inputs=tokens, sizes=TOKENS, **fields) -> Workload:
    return Workload(name, "attention", layer, inputs, sizes, flops, **fields)


def _image_attention(name: str, layer, flops, sizes=RESIDUAL_IMAGES, **fields) -> Workload:
    return Workload(name, "attention", layer, images, sizes, flops, **fields)


def _feed_forward(name: str, layer, flops, **fields) -> Workload:
    return Workload(name, "feed-forward", layer, tokens, TOKENS, flops, **fields)


def _convolution(name: str, layer, flops, sizes=IMAGES, **fields) -> Workload:
    return Workload(name, "convolution", layer, images, sizes, flops, **fields)


WORKLOADS: tuple[Workload, ...] = (
    # The machine's ceilings.
    Workload(
        "matmul",
        "machine",
        lambda size: keras.layers.Dense(size["side"], use_bias=False),
        lambda size: [(size["side"], size["side"])],
        CEILINGS,
        lambda size: 2.0 * size["side"] ** 3,
        core="matmul",
    ),
    Workload(
        "copy",
        "machine",
        lambda size: keras.layers.Identity(),
        lambda size: [(size["elements"],)],
        COPIES,
        core="copy",
    ),
    # Normalization.
    _normalization(
        "rms_norm",
        lambda size: layers.RMSNorm(epsilon=EPSILON),
        sizes={**ROWS, **WIDTH_SWEEP},
        native="native_rms_norm",
    ),
    _normalization("band_rms", lambda size: layers.BandRMS()),
    _normalization("dynamic_tanh", lambda size: layers.DynamicTanh()),
    Workload(
        "global_response_norm",
        "normalization",
        lambda size: layers.GlobalResponseNormalization(),
        images,
        PIXELS,
        per_element(6, images),
    ),
    _normalization(
        "logit_norm", lambda size: layers.LogitNorm(temperature=1.0), operations=3, native="native_unit_norm"
    ),
    # With no value missing it is layer normalization without gain and offset.
    _normalization("standard_scaler", lambda size: layers.StandardScaler(), operations=6, native="native_layer_norm"),
    _normalization(
        "keras_rms_normalization",
        lambda size: keras.layers.RMSNormalization(epsilon=EPSILON),
        native="native_rms_norm",
    ),
    _normalization(
        "keras_layer_normalization",
        lambda size: keras.layers.LayerNormalization(epsilon=EPSILON),
        operations=8,
        native="native_layer_norm",
    ),
    _normalization(
        "keras_unit_normalization",
        lambda size: keras.layers.UnitNormalization(),
        operations=3,
        native="native_unit_norm",
    ),
    _normalization(
        "native_rms_norm",
        lambda size: keras.layers.RMSNormalization(epsilon=EPSILON),
        sizes={**ROWS, **WIDTH_SWEEP},
        core="rms_norm",
        options={"epsilon": EPSILON},
    ),
    _normalization(
        "native_layer_norm",
        lambda size: keras.layers.LayerNormalization(epsilon=EPSILON),
        operations=8,
        core="layer_norm",
        options={"epsilon": EPSILON},
    ),
    _normalization("native_unit_norm", lambda size: keras.layers.UnitNormalization(), operations=3, core="unit_norm"),
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
        built_ins.multi_head_attention,
        inputs=query_and_value,
        native="native_multi_head_attention",
    ),
    _attention(
        "keras_group_query_attention",
        built_ins.group_query_attention,
        attention_flops,
        query_and_value,
        native="native_group_query_attention",
    ),
    _image_attention(
        "keras_non_local_attention",
        built_ins.non_local_attention,
        non_local_flops,
        native="native_non_local_attention",
    ),
    _image_attention(
        "keras_convolutional_block_attention",
        built_ins.convolutional_block_attention,
        convolutional_block_attention_flops,
        RESIDUAL_PIXELS,
        native="native_convolutional_block_attention",
    ),
    _attention("native_multi_head_attention", _built(built_ins.multi_head_attention), core="attention"),
    _attention(
        "native_group_query_attention",
        _built(built_ins.group_query_attention),
        attention_flops,
        sizes={**TOKENS, **TOKEN_SWEEP},
        core="attention",
    ),
    _attention(
        "native_multi_query_attention",
        _built(built_ins.group_query_attention),
        attention_flops,
        sizes=MOBILE_TOKENS,
        core="attention",
    ),
    _image_attention(
        "native_non_local_attention", built_ins.non_local_attention, non_local_flops, core="non_local_attention"
    ),
    _image_attention(
        "native_convolutional_block_attention",
        built_ins.convolutional_block_attention,
        convolutional_block_attention_flops,
        RESIDUAL_PIXELS,
        core="convolutional_block_attention",
    ),
    # Feed-forward.
    _feed_forward(
        "mlp_block", lambda size: layers.MLPBlock(4 * size["width"], size["width"]), mlp_flops, native="native_mlp"
    ),
    _feed_forward("swiglu_ffn", lambda size: layers.SwiGLUFFN(size["width"]), swiglu_flops, native="native_swiglu"),
    # The same function, with a switch for the activation and one for the biases.
    _feed_forward(
        "glu_ffn",
        lambda size: layers.GLUFFN(
            layers.SwiGLUFFN(size["width"]).hidden_dim, size["width"], activation="silu", use_bias=False
        ),
        swiglu_flops,
        native="native_swiglu",
    ),
    _feed_forward("diff_ffn", lambda size: layers.DiffFFN(4 * size["width"], size["width"]), diff_ffn_flops),
    _feed_forward("keras_mlp", built_ins.mlp, mlp_flops, native="native_mlp"),
    _feed_forward("keras_swiglu", built_ins.swiglu, swiglu_flops, native="native_swiglu"),
    _feed_forward("native_mlp", built_ins.mlp, mlp_flops, core="mlp"),
    _feed_forward("native_swiglu", built_ins.swiglu, swiglu_flops, core="swiglu"),
    # Convolution.
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
        built_ins.squeeze_excitation,
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
        built_ins.squeeze_excitation,
        squeeze_excitation_flops,
        RESIDUAL_PIXELS,
        core="squeeze_excitation",
    ),
    # Embedding and regularization.
    Workload(
        "rotary_position_embedding",
        "embedding",
        lambda size: layers.RotaryPositionEmbedding(size["width"] // size["heads"], size["tokens"]),
        heads,
        ROWS,
        per_element(3, heads),
    ),
    Workload("layer_scale", "regularization", lambda size: layers.LayerScale(), tokens, ROWS, per_element(1, tokens)),
    Workload(
        "stochastic_depth",
        "regularization",
        lambda size: layers.StochasticDepth(0.1),
        tokens,
        ROWS,
        per_element(1, tokens),
    ),
)
