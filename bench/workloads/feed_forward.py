"""Feed-forward blocks, to several times the width and back."""

import keras
from keras.layers import Dense

from bench.workloads.sizes import TOKENS, tokens
from bench.workloads.workload import Size, Workload
from dl_techniques import layers


def mlp_flops(size: Size) -> float:
    """To four times the width and back."""
    return 2 * 2 * 4 * size["batch"] * size["tokens"] * size["width"] ** 2


def swiglu_flops(size: Size) -> float:
    hidden = layers.SwiGLUFFN(size["width"]).hidden_dim
    return 2 * 3 * size["batch"] * size["tokens"] * size["width"] * hidden


def diff_ffn_flops(size: Size) -> float:
    """Two branches of four times the width with gates of twice the width, one projection back."""
    return 2 * (2 * (4 + 4 * 2) + 2) * size["batch"] * size["tokens"] * size["width"] ** 2


def mlp(size: Size) -> keras.layers.Layer:
    return keras.Sequential([Dense(4 * size["width"], activation="gelu"), Dense(size["width"])])


def swiglu(size: Size) -> keras.layers.Layer:
    inputs = keras.Input((size["tokens"], size["width"]))
    hidden = layers.SwiGLUFFN(size["width"]).hidden_dim
    gate = Dense(hidden, activation="silu", use_bias=False)(inputs)
    up = Dense(hidden, use_bias=False)(inputs)
    return keras.Model(inputs, Dense(size["width"], use_bias=False)(gate * up))


def _feed_forward(name: str, layer, flops, **fields) -> Workload:
    return Workload(name, "feed-forward", layer, tokens, TOKENS, flops, **fields)


WORKLOADS = (
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
    _feed_forward("keras_mlp", mlp, mlp_flops, native="native_mlp"),
    _feed_forward("keras_swiglu", swiglu, swiglu_flops, native="native_swiglu"),
    _feed_forward("native_mlp", mlp, mlp_flops, core="mlp"),
    _feed_forward("native_swiglu", swiglu, swiglu_flops, core="swiglu"),
)
