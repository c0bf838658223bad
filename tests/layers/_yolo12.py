"""What the tests of the YOLOv12 blocks share."""

import numpy as np
from keras.ops import convert_to_numpy as numpy

from tests.oracles import yolo12 as oracles


def randomized(layer, input_shape):
    """The layer, built, with weights that keep its signals at their size, and statistics that differ from 0 and 1."""
    layer.build(input_shape)
    random = np.random.default_rng(1)
    for weight in layer.weights:
        if weight.name == "moving_variance":
            weight.assign(random.uniform(0.5, 2, weight.shape))
        elif weight.name != "seed_generator_state":
            fan_in = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 1
            weight.assign(random.normal(scale=fan_in**-0.5, size=weight.shape))
    return layer


def exact(weight) -> np.ndarray:
    return numpy(weight).astype("float64")


def norm_weights(norm):
    return [exact(vector) for vector in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)]


def conv_weights(block):
    """What the oracles take; the kernel of a depthwise convolution as one of groups of a single channel."""
    kernel = exact(block.conv.kernel)
    return (kernel.swapaxes(2, 3) if is_depthwise(block) else kernel), norm_weights(block.norm)


def is_depthwise(block) -> bool:
    return type(block.conv).__name__ == "DepthwiseConv2D"


def attention_weights(layer):
    names = "query_key_projection", "value_projection", "position_perceiver", "output_projection"
    return [conv_weights(getattr(layer, name)) for name in names]


def attention_block_oracle(layer, *, num_heads, area):
    weights = attention_weights(layer.attention), conv_weights(layer.expand), conv_weights(layer.project)
    return lambda x: oracles.attention_block(x, *weights, num_heads=num_heads, area=area)


def bottleneck_oracle(layer, *, shortcut=True):
    weights = conv_weights(layer.conv1), conv_weights(layer.conv2)
    return lambda x: oracles.bottleneck(x, *weights, shortcut=shortcut)


def c3k_oracle(layer, *, shortcut=True):
    blocks = [bottleneck_oracle(block, shortcut=shortcut) for block in layer.blocks]
    return lambda x: oracles.c3k(x, conv_weights(layer.enter), conv_weights(layer.leave), blocks)


def silence(block):
    """A convolution block that gives zeros."""
    for vector in (block.norm.gamma, block.norm.beta):
        vector.assign(np.zeros(vector.shape))


def assert_every_norm_trains(layer, x):
    def statistics():
        return [numpy(w).copy() for w in layer.weights if w.name in ("moving_mean", "moving_variance")]

    before = statistics()
    assert before
    layer(x, training=False)
    assert all(map(np.array_equal, statistics(), before))
    layer(x, training=True)
    assert not any(map(np.array_equal, statistics(), before))


def load_conv(block, kernel, norm):
    """From the layout of PyTorch."""
    block.conv.kernel.assign(kernel.transpose(2, 3, 0, 1) if is_depthwise(block) else kernel.transpose(2, 3, 1, 0))
    block.norm.set_weights(norm)


def load_attention_block(block, weights, num_heads):
    """From Ultralytics', whose queries, keys and values are in the order of the heads."""
    kernel, norm = weights["qkv"]
    places = np.arange(len(kernel)).reshape(num_heads, 3, -1)
    query_key, value = places[:, :2].swapaxes(0, 1).ravel(), places[:, 2].ravel()
    for part, which in {"query_key_projection": query_key, "value_projection": value}.items():
        load_conv(getattr(block.attention, part), kernel[which], [vector[which] for vector in norm])
    load_conv(block.attention.position_perceiver, *weights["pe"])
    load_conv(block.attention.output_projection, *weights["proj"])
    load_conv(block.expand, *weights["mlp.0"])
    load_conv(block.project, *weights["mlp.1"])
