"""What the tests of attention with weights of its own share."""

import numpy as np
from keras.ops import convert_to_numpy as numpy

KEYS, QUERIES = 6, 4
SHAPES = {"query": (2, QUERIES, 10), "key": (2, KEYS, 8), "value": (2, KEYS, 12)}


def sequences(*names):
    random = np.random.default_rng(0)
    everything = {name: random.standard_normal(shape).astype("float32") for name, shape in SHAPES.items()}
    return [everything[name] for name in names]


def randomized(layer, input_shape, scale=0.5):
    layer.build(input_shape)
    random = np.random.default_rng(1)
    for weight in layer.trainable_weights:
        weight.assign(random.normal(scale=scale, size=weight.shape))
    return layer


def project(layer, query, key, value):
    """The heads in float64."""
    projections = layer.query_projection, layer.key_projection, layer.value_projection
    heads = []
    for x, projection in zip((query, key, value), projections, strict=True):
        y = x.astype("float64") @ numpy(projection.kernel) + (numpy(projection.bias) if layer.use_bias else 0)
        heads.append(y.reshape(*x.shape[:2], layer.num_heads, -1))
    return heads


def output(layer, heads):
    bias = numpy(layer.output_projection.bias) if layer.use_bias else 0
    return heads.reshape(*heads.shape[:2], -1) @ numpy(layer.output_projection.kernel) + bias


def weights_for(theirs, layer):
    """Gives a layer the weights of a Keras multi-head attention."""
    random = np.random.default_rng(2)
    theirs.set_weights([random.normal(scale=0.5, size=w.shape) for w in theirs.weights])
    names = "query_projection", "key_projection", "value_projection", "output_projection"
    ours = [w for name in names for w in getattr(layer, name).weights]
    for weight, value in zip(ours, theirs.weights, strict=True):
        weight.assign(numpy(value).reshape(weight.shape))
