"""What every constraint, initializer and regularizer promises, one small function a promise.

As in `tests.contract`, each check takes one row of the catalogue and raises an `AssertionError` when the promise is
broken. The row's one input is the shape of the weight.
"""

import json
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.constraints import Constraint
from keras.initializers import Initializer
from keras.regularizers import Regularizer

from dl_techniques.catalogue import Technique
from tests._frameworks import value_and_gradients
from tests.contract import all_equal, as_config, assert_close, error_text, flat, own_parameters
from tests.kinds import Checks

KINDS = (Constraint, Initializer, Regularizer)

check = CHECKS = Checks()


@check(*KINDS)
def config_survives_json(row: Technique) -> None:
    technique = row.make()
    rebuilt = row.cls.from_config(json.loads(json.dumps(technique.get_config())))
    saved = keras.saving.serialize_keras_object(technique)
    loaded = keras.saving.deserialize_keras_object(json.loads(json.dumps(saved)))
    assert type(loaded) is row.cls
    for clone in (rebuilt, loaded):
        assert_close(flat(applied(clone, row)), flat(applied(technique, row)))
        assert json.dumps(clone.get_config()) == json.dumps(technique.get_config())


@check(*KINDS)
def config_holds_every_argument(row: Technique) -> None:
    """Each switch also in its other position."""
    defaults = {parameter.name: parameter.default for parameter in own_parameters(row.cls)}
    given = {**defaults, **row.arguments}
    switched = {name: not value for name, value in given.items() if isinstance(value, bool)}
    for arguments in (given, {**given, **switched}):
        expected = {name: as_config(name, value) for name, value in arguments.items()}
        assert json.loads(json.dumps(row.cls(**arguments).get_config())) == expected


@check(*KINDS)
def bad_arguments_are_rejected(row: Technique) -> None:
    for arguments in row.rejects:
        text = error_text(lambda arguments=arguments: row.make(**arguments))
        assert any(repr(value) in text for value in arguments.values()), f"{arguments} not shown in: {text}"


@check(*KINDS)
def bad_shapes_are_rejected(row: Technique) -> None:
    for shape in row.rejects_inputs:
        text = error_text(lambda shape=shape: applied(row.make(), row, shape=shape))
        assert str(shape) in text, f"{shape} not shown in: {text}"


@check(Constraint, Regularizer)
def the_weight_is_not_changed(row: Technique) -> None:
    weight = example(row.inputs[0])
    before = flat(weight)
    row.make()(weight)
    assert all_equal(flat(weight), before)


@check(Constraint, Regularizer)
def low_precision_keeps_its_dtype(row: Technique) -> None:
    """Of a weight in low precision nothing more is lost than by rounding the result."""
    technique, weight = row.make(), ops.cast(example(row.inputs[0]), "bfloat16")
    narrow, wide = technique(weight), technique(ops.cast(weight, "float32"))
    assert (dtype_of(narrow), dtype_of(wide)) == ("bfloat16", "float32")
    np.testing.assert_allclose(flat(narrow)[0], flat(wide)[0], rtol=2**-8)


@check(Constraint, Regularizer)
def jit_equals_eager(row: Technique) -> None:
    compiled, eager = (differentiate(row, jit=jit) for jit in (True, False))
    assert_close(compiled, eager)


@check(Regularizer)
def a_penalty_is_one_number(row: Technique) -> None:
    assert tuple(applied(row.make(), row).shape) == ()


@check(Regularizer)
def the_gradient_is_finite(row: Technique) -> None:
    """And not zero everywhere; where all weights are zero it may be."""
    _, gradient = differentiate(row)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient)
    _, gradient = differentiate(row, weight=ops.zeros(row.inputs[0]))
    assert np.all(np.isfinite(gradient))


@check(Constraint)
def twice_is_once(row: Technique) -> None:
    technique, weight = row.make(), example(row.inputs[0])
    once = technique(weight)
    assert once.shape == weight.shape
    assert not all_equal(flat(once), flat(weight)), "the example is not constrained"
    assert all_equal(flat(technique(once)), flat(once))


@check(Initializer)
def shape_and_dtype_are_those_asked_for(row: Technique) -> None:
    technique, shape = row.make(), row.inputs[0]
    for dtype in (None, "float32", "bfloat16", "float16"):
        value = technique(shape, dtype)
        assert tuple(value.shape) == shape
        assert dtype_of(value) == (dtype or keras.config.floatx())
    assert_close(flat(technique(list(shape))), flat(technique(shape)))


@check(Initializer)
def the_seed_decides_the_values(row: Technique) -> None:
    """An instance repeats itself, as do instances of one seed, whatever the global seed is. Others differ."""
    technique = row.make()
    first = flat(applied(technique, row))
    assert all_equal(flat(applied(technique, row)), first)
    keras.utils.set_random_seed(1)
    assert all_equal(flat(applied(row.make(), row)), first)
    if any(parameter.name == "seed" for parameter in own_parameters(row.cls)):
        unseeded = row.make(seed=None)
        others = [row.make(seed=4), unseeded, unseeded.clone()]
        drawn = [first, *(flat(applied(other, row)) for other in others)]
        assert not any(all_equal(one, other) for i, one in enumerate(drawn) for other in drawn[:i])
        assert all_equal(flat(applied(unseeded, row)), drawn[2])


@keras.saving.register_keras_serializable(package="tests")
class Applying(keras.layers.Layer):
    """A layer whose input is the weight, for the helpers that take a layer."""

    def __init__(self, technique, **kwargs):
        super().__init__(**kwargs)
        self.technique = technique

    def call(self, inputs, training=None):
        return self.technique(inputs)


def applied(technique: Any, row: Technique, *, shape: Any = None) -> Any:
    shape = row.inputs[0] if shape is None else shape
    return technique(shape, "float32") if isinstance(technique, Initializer) else technique(example(shape))


def differentiate(row: Technique, *, weight: Any = None, jit: bool = False) -> list[np.ndarray]:
    """The value, and the gradient for a random cotangent."""
    layer, weight = Applying(row.make()), example(row.inputs[0]) if weight is None else weight
    cotangent = np.random.default_rng(1).standard_normal(layer(weight).shape).astype("float32")
    (value,), (gradient,) = value_and_gradients(layer, [weight], [cotangent], training=True, jit=jit)
    return flat([value, gradient])


def example(shape: Any) -> Any:
    return ops.convert_to_tensor(np.random.default_rng(2).standard_normal(shape).astype("float32"))


def dtype_of(value: Any) -> str:
    return keras.backend.standardize_dtype(value.dtype)
