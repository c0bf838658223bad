"""Attention weights on request, in one way for all layers that have some."""

import inspect

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.catalogue import attention
from tests.contract import built, example, join, placeholders, rewind

# What a layer of that family gives is itself the weight of a channel or a pixel.
GATES = {"ChannelAttention", "SpatialAttention", "ConvolutionalBlockAttentionModule"}
ROWS = [row for row in attention.TECHNIQUES if row.name not in GATES]
# Differences of two maps, and products that are no softmax.
NOT_ONE = {"DifferentialAttention", "NonLocalAttention"}

each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@each_row
def test_the_scores_come_with_the_output(row):
    assert "return_attention_scores" in inspect.signature(row.cls.call).parameters
    layer = built(row)
    for training in (False, True):
        rewind(layer)
        expected = layer(join(example(row)), training=training)
        rewind(layer)
        found, scores = layer(join(example(row)), training=training, return_attention_scores=True)
        expected, found, scores = map(ops.convert_to_numpy, (expected, found, scores))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        assert scores.ndim == 4
        if row.name not in NOT_ONE:
            np.testing.assert_allclose(scores.sum(axis=-1), 1, rtol=1e-5)


@each_row
def test_the_scores_have_a_symbolic_shape_and_the_dtype_of_the_output(row):
    layer = built(row, dtype="mixed_bfloat16")
    inputs = placeholders(row)
    outputs = layer(join(inputs), return_attention_scores=True)
    model = keras.Model(inputs, outputs)
    for symbolic, found in zip(outputs, model(example(row)), strict=True):
        assert symbolic.shape[1:] == tuple(found.shape)[1:]
        assert keras.backend.standardize_dtype(found.dtype) == symbolic.dtype == "bfloat16"
