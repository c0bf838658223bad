"""What every loss and metric promises, one small function a promise.

As in `tests.contract`, each check takes one row of the catalogue and raises an `AssertionError` when the promise is
broken. The row's first input is `y_true`, the others are `y_pred`.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.losses import Loss
from keras.metrics import Metric

from dl_techniques._serialization import serializable
from dl_techniques.catalogue import Technique
from tests._frameworks import value_and_gradients
from tests.contract import (
    Step,
    as_config,
    assert_close,
    assert_same_step,
    error_text,
    flat,
    join,
    own_parameters,
)
from tests.kinds import Checks

KINDS = (Loss, Metric)

check = CHECKS = Checks()

# What a score is at most that squares without overflow, and whose exponential overflows.
EXTREME = 1e4
# Of a prediction that equals its target: what guards divisions and logarithms is seen.
PERFECT = 2e-5
# Three units in the last place of float16.
FLOAT16 = 3e-3

Case = list[np.ndarray]
"""`y_true`, then the predictions."""


@check(*KINDS)
def config_survives_json(row: Technique) -> None:
    technique = row.make()
    rebuilt = row.cls.from_config(json.loads(json.dumps(technique.get_config())))
    saved = keras.saving.serialize_keras_object(technique)
    loaded = keras.saving.deserialize_keras_object(json.loads(json.dumps(saved)))
    assert type(loaded) is row.cls
    for clone in (rebuilt, loaded):
        assert_close(judged(clone, example(row)), judged(technique, example(row)))
        assert json.dumps(clone.get_config()) == json.dumps(technique.get_config())


@check(*KINDS)
def config_holds_every_argument(row: Technique) -> None:
    """Those of the base class too, and each switch also in its other position."""
    defaults = {parameter.name: parameter.default for parameter in own_parameters(row.cls)}
    given = {**defaults, **row.arguments, "name": "given_name"}
    if issubclass(row.cls, Loss):
        given |= {"reduction": "sum", "dtype": "float16"}
    switched = {name: not value for name, value in given.items() if isinstance(value, bool)}
    for arguments in (given, *({**given, name: value} for name, value in switched.items())):
        try:
            config = json.loads(json.dumps(row.cls(**arguments).get_config()))
        except ValueError:  # a switch that the other arguments forbid
            assert arguments != given
            continue
        for name, value in arguments.items():
            assert name in config, f"the config lacks '{name}'"
            assert config[name] == as_config(name, value), f"{name}={value!r} became {config[name]!r} in the config"


@check(*KINDS)
def bad_arguments_are_rejected(row: Technique) -> None:
    for arguments in row.rejects:
        text = error_text(lambda arguments=arguments: row.make(**arguments))
        assert any(repr(value) in text for value in arguments.values()), f"{arguments} not shown in: {text}"


@check(*KINDS)
def bad_shapes_are_rejected(row: Technique) -> None:
    for shapes in row.rejects_inputs:
        text = error_text(lambda shapes=shapes: judged(row.make(), drawn(row, shapes)))
        assert any(str(shape) in text for shape in shapes), f"{shapes} not shown in: {text}"


@check(Loss)
def one_value_an_example_or_a_batch(row: Technique) -> None:
    """Reduced and weighted as Keras' losses are."""
    case = example(row)
    batch = len(case[0])
    weights = np.arange(1.0, batch + 1).astype("float32")
    values = judged(row.make(reduction="none"), case)[0]
    assert values.shape == (() if row.batch_level else (batch,)), f"the values have shape {values.shape}"
    for reduction, reduce in (("sum", np.sum), ("sum_over_batch_size", np.mean)):
        assert_close(judged(row.make(reduction=reduction), case), [reduce(values)])
        found = judged(row.make(reduction=reduction), case, weights)
        assert_close(found, [reduce(values * weights)])


@check(Loss)
def examples_are_independent(row: Technique) -> None:
    """Unless the loss is one of the whole batch."""
    if row.batch_level:
        return
    loss, case = row.make(reduction="none"), example(row)
    assert_close(judged(loss, [x[:1] for x in case]), [judged(loss, case)[0][:1]])


@check(Loss)
def low_precision_is_computed_in_float32(row: Technique) -> None:
    """Also where the loss itself is one in float16: only its value is rounded."""
    case = example(row)
    for dtype in ("bfloat16", "float16"):
        narrow = rounded(case, dtype)
        expected = judged(row.make(reduction="none"), narrow)[0]
        y_true, *y_pred = (ops.cast(x, dtype) for x in narrow)
        value = row.make(reduction="none").call(y_true, join(y_pred))
        assert dtype_of(value) == "float32", f"computed in {dtype_of(value)}"
        assert_close(flat(value), [expected])
    expected = judged(row.make(reduction="none"), narrow)[0]
    found = judged(row.make(reduction="none", dtype="float16"), narrow)[0]
    np.testing.assert_allclose(found, expected, rtol=FLOAT16, atol=FLOAT16 * np.max(np.abs(expected)))


@check(Loss)
def the_gradient_reaches_the_prediction(row: Technique) -> None:
    _, gradients = differentiate(row.make(), example(row))
    for gradient in gradients:
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient), "the gradient is zero everywhere"


@check(Loss)
def extreme_predictions_stay_finite(row: Technique) -> None:
    """In value and gradient: of zeros, ones, equal and huge scores, of targets of one class or none."""
    for loss in in_both_positions(row):
        for name, case in extremes(row):
            value, gradients = differentiate(loss, case)
            assert np.all(np.isfinite(value)), f"the value for {name} is {value}"
            for gradient in gradients:
                assert np.all(np.isfinite(gradient)), f"the gradient for {name} is not finite"


@check(*KINDS)
def an_empty_batch_is_no_accident(row: Technique) -> None:
    technique = row.make()
    empty = [x[:0] for x in example(row)]
    for value in judged(technique, empty):
        assert np.all(np.isfinite(value)), f"it gives {value}"


@check(*KINDS)
def a_perfect_prediction_has_its_value(row: Technique) -> None:
    if row.perfect is None:
        return
    target = example(row)[0]
    technique = row.make(**({"from_logits": False} if has_logits(row) else {}))
    for value in judged(technique, [target, target.astype("float32")]):
        np.testing.assert_allclose(value, row.perfect, atol=PERFECT)


@check(*KINDS)
def jit_equals_eager(row: Technique) -> None:
    """As one graph, which on TensorFlow does not know the size of the batch."""
    arguments = {"reduction": "none"} if issubclass(row.cls, Loss) else {}
    compiled, eager = (step(row.make(**arguments), example(row), jit=jit) for jit in (True, False))
    if issubclass(row.cls, Metric):
        compiled, eager = (compiled[0], []), (eager[0], [])
    assert_same_step(compiled, eager)


@check(*KINDS)
def a_model_fits_saves_and_loads_with_it(row: Technique) -> None:
    """Without `custom_objects`, and gives the same after that."""
    case = example(row)
    batch = len(case[0])
    predictions, weights = join(case[1:]), np.linspace(0.5, 1.5, batch).astype("float32")
    model = compiled_model(row, case)
    model.train_on_batch(predictions, case[0], sample_weight=weights)
    (scale,) = flat(model.trainable_variables)
    assert scale != 1, "fitting does not move the weight"
    assert np.isfinite(scale)
    expected = model.test_on_batch(predictions, case[0], sample_weight=weights, return_dict=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = keras.saving.load_model(Path(folder) / "model.keras")
    found = loaded.test_on_batch(predictions, case[0], sample_weight=weights, return_dict=True)
    assert found.keys() == expected.keys()
    assert_close([np.asarray(x) for x in found.values()], [np.asarray(x) for x in expected.values()])
    if issubclass(row.cls, Metric):
        metric, scaled = row.make(), [case[0], *(x * scale for x in case[1:])]
        told = [np.asarray(value) for name, value in expected.items() if name != "loss"]
        assert_close(told, judged(metric, scaled, weights))


@check(Metric)
def streaming_equals_one_shot(row: Technique) -> None:
    case = example(row)
    weights = np.linspace(0.5, 1.5, len(case[0])).astype("float32")
    metric = row.make()
    for part in (slice(None, 1), slice(1, None)):
        update(metric, [x[part] for x in case], weights[part])
    assert_close(result(metric), judged(row.make(), case, weights))


@check(Metric)
def weights_count(row: Technique) -> None:
    """One of two is the example twice, one of zero is as if it were not there."""
    case = example(row)
    once, none, twice = (np.ones(len(case[0]), "float32") for _ in range(3))
    none[0], twice[0] = 0, 2
    assert_close(judged(row.make(), case, once), judged(row.make(), case))
    assert_close(judged(row.make(), case, none), judged(row.make(), [x[1:] for x in case]))
    doubled = [np.concatenate([x, x[:1]]) for x in case]
    assert_close(judged(row.make(), case, twice), judged(row.make(), doubled))


@check(Metric)
def it_starts_at_zero_and_again_after_a_reset(row: Technique) -> None:
    metric = row.make()
    fresh = result(metric)
    assert all(np.all(value == 0) for value in fresh), f"it starts at {fresh}"
    update(metric, example(row))
    assert not all(map(np.array_equal, result(metric), fresh)), "the example moves nothing"
    metric.reset_state()
    assert_close(result(metric), fresh)


@check(Metric)
def any_prediction_is_measured(row: Technique) -> None:
    """In any precision, and whatever it is."""
    case = example(row)
    for dtype in ("bfloat16", "float16"):
        narrow = rounded(case, dtype)
        y_true, *y_pred = (ops.cast(x, dtype) for x in narrow)
        metric = row.make()
        metric.update_state(y_true, join(y_pred))
        assert_close(result(metric), judged(row.make(), narrow))
    for metric in in_both_positions(row):
        for name, extreme in extremes(row):
            metric.reset_state()
            update(metric, extreme)
            assert all(np.all(np.isfinite(value)) for value in result(metric)), f"{name} gives {result(metric)}"


@serializable
class Judging(keras.layers.Layer):
    """A layer whose inputs are `y_true` and the predictions, for the helpers that take a layer."""

    def __init__(self, technique, **kwargs):
        super().__init__(**kwargs)
        self.technique = technique

    def call(self, inputs, training=None):
        y_true, *y_pred = inputs
        if isinstance(self.technique, Loss):
            return self.technique(y_true, join(y_pred))
        self.technique.reset_state()
        self.technique.update_state(y_true, join(y_pred))
        return keras.tree.flatten(self.technique.result())


@serializable
class LearntScale(keras.layers.Layer):
    """A prediction that can be learnt: the input times a weight."""

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        super().build(input_shape)

    def call(self, inputs, training=None):
        return keras.tree.map_structure(lambda x: x * self.scale, inputs)


@serializable
class Joint(keras.Model):
    """How a model uses a loss or metric of several predictions."""

    def __init__(self, technique, **kwargs):
        super().__init__(**kwargs)
        self.technique = technique
        self.scaled = LearntScale()

    def build(self, input_shape):
        self.scaled.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        return self.scaled(inputs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        judge = self.technique if isinstance(self.technique, Loss) else MeanPrediction()
        return judge(y, y_pred if judge is self.technique else y_pred[0], sample_weight=sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if isinstance(self.technique, Loss):
            return super().compute_metrics(x, y, y_pred, sample_weight)
        self.technique.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()


@serializable
class MeanPrediction(Loss):
    """For a metric, to be fitted with it."""

    def call(self, y_true, y_pred):
        return ops.mean(y_pred, axis=tuple(range(1, len(y_pred.shape))))


def compiled_model(row: Technique, case: Case) -> keras.Model:
    technique = row.make()
    is_loss = isinstance(technique, Loss)
    if len(case) > 2:
        model = Joint(technique)
        model.build([x.shape for x in case[1:]])
        model.compile("adam")
        return model
    inputs = keras.Input(case[1].shape[1:])
    model = keras.Model(inputs, LearntScale()(inputs))
    loss = technique if is_loss else MeanPrediction()
    model.compile("adam", loss=loss, weighted_metrics=None if is_loss else [technique])
    return model


def example(row: Technique) -> Case:
    return drawn(row, row.inputs)


def drawn(row: Technique, shapes: Any) -> Case:
    random = np.random.default_rng(2)
    arrays = [draw(shape, random) for draw, shape in zip(row.values, shapes, strict=True)]
    return [x if np.issubdtype(x.dtype, np.integer) else x.astype("float32") for x in arrays]


def extremes(row: Technique) -> Iterator[tuple[str, Case]]:
    target, *predictions = example(row)
    alike = np.broadcast_to(target[:1], target.shape).copy()
    huge = [EXTREME * np.where(np.arange(x.size).reshape(x.shape) % 2, 1.0, -1.0) for x in predictions]
    for name, value in {"zeros": 0.0, "ones": 1.0, "halves": 0.5, "huge": EXTREME, "low": -EXTREME}.items():
        yield name, [target, *(np.full_like(x, value) for x in predictions)]
    yield "huge ones of both signs", [target, *(x.astype("float32") for x in huge)]
    yield "targets that are all zero", [np.zeros_like(target), *predictions]
    yield "targets that are all alike", [alike, *predictions]
    yield "zeros for targets of zero", [np.zeros_like(target), *(np.zeros_like(x) for x in predictions)]


def in_both_positions(row: Technique) -> list[Any]:
    """Taking probabilities, and logits."""
    return [row.make(from_logits=flag) for flag in (False, True)] if has_logits(row) else [row.make()]


def has_logits(row: Technique) -> bool:
    return any(parameter.name == "from_logits" for parameter in own_parameters(row.cls))


def judged(technique: Any, case: Case, weights: np.ndarray | None = None) -> list[np.ndarray]:
    """The value of a loss, or what a metric says of these examples alone."""
    if isinstance(technique, Loss):
        y_true, *y_pred = map(ops.convert_to_tensor, case)
        return flat(technique(y_true, join(y_pred), sample_weight=weights))
    technique.reset_state()
    update(technique, case, weights)
    return result(technique)


def update(metric: Metric, case: Case, weights: np.ndarray | None = None) -> None:
    y_true, *y_pred = map(ops.convert_to_tensor, case)
    metric.update_state(y_true, join(y_pred), sample_weight=weights)


def result(metric: Metric) -> list[np.ndarray]:
    return flat(metric.result())


def step(technique: Any, case: Case, *, jit: bool = False) -> Step:
    """The values, and the gradients of the predictions for random cotangents."""
    layer = Judging(technique)
    values = flat(layer(list(map(ops.convert_to_tensor, case))))
    random = np.random.default_rng(1)
    cotangents = [random.standard_normal(value.shape).astype("float32") for value in values]
    floats = [x.astype("float32") for x in case]
    found, gradients = value_and_gradients(layer, floats, cotangents, training=False, jit=jit)
    named = [(f"prediction {i}", None if g is None else flat(g)[0]) for i, g in enumerate(gradients[1:])]
    return flat(found), named


def differentiate(loss: Loss, case: Case) -> tuple[np.ndarray, list[np.ndarray]]:
    values, gradients = step(loss, case)
    return values[0], [np.zeros(()) if gradient is None else gradient for _, gradient in gradients]


def rounded(case: Case, dtype: str) -> Case:
    """What is left of it in that dtype."""
    return flat([ops.cast(x, dtype) for x in case])


def dtype_of(value: Any) -> str:
    return keras.backend.standardize_dtype(value.dtype)
