"""What a layer is given for its weights reaches them, be it an initializer, a regularizer or a constraint."""

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.catalogue import TECHNIQUES
from tests.contract import built, join, own_parameters, shapes

KINDS = ("initializer", "regularizer", "constraint")
GIVEN = [
    (row, parameter.name)
    for row in TECHNIQUES
    for parameter in own_parameters(row.cls)
    if parameter.name.rpartition("_")[2] in KINDS
]


def of_kind(kind):
    return pytest.mark.parametrize(
        ("row", "name"),
        [pytest.param(row, name, id=f"{row.name}-{name}") for row, name in GIVEN if name.endswith(kind)],
    )


def with_everything_on(row):
    """Switches of biases and other optional weights."""
    optional = "bias", "use_scale", "use_gamma"
    return {p.name: True for p in own_parameters(row.cls) if p.name.endswith(optional) and isinstance(p.default, bool)}


@of_kind("initializer")
def test_initializers(row, name):
    layer = row.make(**{**with_everything_on(row), name: keras.initializers.Constant(0.375)})
    layer.build(join(shapes(row)))
    values = [ops.convert_to_numpy(ops.cast(weight.value, "float32")) for weight in layer.weights]
    assert any(np.all(value == 0.375) for value in values)


@of_kind("regularizer")
def test_regularizers(row, name):
    arguments = with_everything_on(row)
    without, given = (
        sum(float(ops.convert_to_numpy(loss)) for loss in built(row, **arguments, **more).losses)
        for more in ({name: None}, {name: keras.regularizers.L1(1.0)})
    )
    assert given > without


@of_kind("constraint")
def test_constraints(row, name):
    constraint = keras.constraints.MaxNorm(0.125)
    layer = built(row, **with_everything_on(row), **{name: constraint})
    assert any(weight.constraint is constraint for weight in layer.trainable_weights)


@pytest.mark.parametrize(
    "name",
    [
        "WindowAttention-bias_initializer",
        "WindowAttention-bias_regularizer",
        "SwinTransformerBlock-bias_initializer",
        "SwinTransformerBlock-kernel_regularizer",
        "SwinConvBlock-bias_initializer",
        "SwinConvBlock-kernel_regularizer",
        "DifferentialAttention-kernel_regularizer",
        "ConvolutionalKAN-bias_initializer",
        "ConvolutionalKAN-bias_regularizer",
        "BitLinear-bias_initializer",
        "BitLinear-bias_regularizer",
        "AdaptiveMultiHeadAttention-kernel_constraint",
        "AdaptiveMultiHeadAttention-bias_constraint",
    ],
)
def test_what_the_documents_name_is_taken(name):
    assert name in {f"{row.name}-{argument}" for row, argument in GIVEN}
