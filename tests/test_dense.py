"""The library's own form of Keras' dense layer: the same values, and what else Keras' one can do."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques._keras_layers import Dense
from dl_techniques.layers import MLPBlock
from tests.oracles.compare import assert_accurate, output, randomized, values


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 4), (2, 5, 4), (2, 3, 5, 4)])
def test_formula(shape, use_bias):
    x = values(*shape)
    layer = randomized(Dense(3, activation="relu", use_bias=use_bias), shape)
    kernel, *bias = (ops.convert_to_numpy(w).astype("float64") for w in layer.weights)
    assert_accurate(output(layer, x), np.maximum(np.tensordot(x, kernel, 1) + (bias[0] if use_bias else 0), 0))


def test_axes_may_be_of_unknown_size():
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, Dense(3)(inputs))
    x = values(2, 3, 5, 4)
    kernel = ops.convert_to_numpy(model.weights[0])
    assert_accurate(model.predict(x, verbose=0), np.tensordot(x.astype("float64"), kernel.astype("float64"), 1))


def test_integers_become_floats():
    layer = Dense(3, kernel_initializer="ones")
    assert ops.convert_to_numpy(layer(ops.ones((2, 4), dtype="int32"))).tolist() == [[4.0] * 3] * 2


@pytest.mark.filterwarnings("ignore:Layer (InputLayer|Dropout) does not have a `quantize` method")
def test_layers_made_of_it_can_be_quantized():
    """Keras quantizes no subclass of its layer unasked."""
    inputs = keras.Input((5, 16))
    model = keras.Model(inputs, MLPBlock(32, 16)(inputs))
    x = values(2, 5, 16)
    before = model.predict(x, verbose=0)
    model.quantize("int8")
    assert {keras.backend.standardize_dtype(w.dtype) for w in model.weights if "kernel" in w.name} >= {"int8"}
    after = model.predict(x, verbose=0)
    assert 0 < np.abs(after - before).max() < 0.05 * np.abs(before).max()


def test_it_can_be_adapted_in_few_dimensions():
    layer = Dense(3)
    layer.build((2, 4))
    layer.enable_lora(2)
    down, up = values(4, 2), values(2, 3, seed=1)
    layer.lora_kernel_a.assign(down)
    layer.lora_kernel_b.assign(up)
    x = values(2, 4, seed=2)
    assert_accurate(output(layer, x), x.astype("float64") @ (ops.convert_to_numpy(layer._kernel) + down @ up))
