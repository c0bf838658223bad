"""What every learning-rate schedule, optimizer and callback promises, one small function a promise.

As in `tests.contract`, each check takes one row of the catalogue and raises an `AssertionError` when the promise is
broken. Rows have no inputs. Their schedules end within 20 steps, their optimizers are for the four weights of
`TwoOutputs`, and their callbacks act within 4 epochs on that model, with two groups of weights.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.callbacks import Callback
from keras.optimizers import SGD, Optimizer
from keras.optimizers.schedules import LearningRateSchedule

from dl_techniques.catalogue import Technique
from dl_techniques.optimization import MultiplierOptimizer
from tests._frameworks import compiled
from tests.contract import as_config, assert_close, error_text, flat, own_parameters
from tests.kinds import Checks

KINDS = (LearningRateSchedule, Optimizer, Callback)

# The begin, the middle and the end of the rows' schedules, what is beyond, and what no 16 bits hold.
STEPS = (0, 3, 5, 10, 15, 20, 21, 100_000)
EPOCHS = 4
CUT = 2
FLOAT16 = 2e-3

check = CHECKS = Checks()


@check(*KINDS)
def config_survives_json(row: Technique) -> None:
    technique = row.make()
    rebuilt = row.cls.from_config(json.loads(json.dumps(technique.get_config())))
    saved = keras.saving.serialize_keras_object(technique)
    loaded = keras.saving.deserialize_keras_object(json.loads(json.dumps(saved)))
    for clone in (rebuilt, loaded):
        assert type(clone) is row.cls
        assert json.dumps(clone.get_config()) == json.dumps(technique.get_config())
        if isinstance(clone, LearningRateSchedule):
            assert rates(clone) == rates(technique)


@check(*KINDS)
def config_holds_every_argument(row: Technique) -> None:
    """Each switch also in its other position."""
    defaults = {parameter.name: parameter.default for parameter in own_parameters(row.cls)}
    given = {**defaults, **row.arguments}
    switched = {name: not value for name, value in given.items() if isinstance(value, bool)}
    for arguments in (given, {**given, **switched}):
        config = json.loads(json.dumps(row.cls(**arguments).get_config()))
        expected = {name: as_config(name, value) for name, value in arguments.items()}
        assert {name: config.get(name, "missing") for name in expected} == expected


@check(*KINDS)
def bad_arguments_are_rejected(row: Technique) -> None:
    for arguments in row.rejects:
        text = error_text(lambda arguments=arguments: row.make(**arguments))
        assert any(repr(value) in text for value in arguments.values()), f"{arguments} not shown in: {text}"


@check(*KINDS)
def a_training_that_was_cut_goes_on(row: Technique) -> None:
    """Saved, and loaded without being told what its parts are, the model learns what the one at hand does."""
    model, callbacks = TwoOutputs(), callbacks_of(row)
    train(model, row, callbacks, until=CUT)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = keras.saving.load_model(Path(folder) / "model.keras")
    assert rates_of(loaded.optimizer) == rates_of(model.optimizer)
    train(model, row, callbacks, since=CUT)
    train(loaded, row, callbacks_of(row), since=CUT)
    assert rates_of(loaded.optimizer) == rates_of(model.optimizer)
    assert_close(loaded.get_weights(), model.get_weights())


@check(LearningRateSchedule)
def the_step_decides_the_rate(row: Technique) -> None:
    """Not how often, or in which order, the rate is asked for."""
    schedule = row.make()
    once = rates(schedule)
    assert rates(schedule) == once
    assert rates(schedule, STEPS[::-1]) == once[::-1]
    assert rates(row.make(), STEPS[-2:]) == once[-2:]


@check(LearningRateSchedule)
def the_rate_is_one_number(row: Technique) -> None:
    schedule = row.make()
    for step in STEPS:
        rate = schedule(ops.convert_to_tensor(step))
        assert tuple(rate.shape) == ()
        assert np.isfinite(ops.convert_to_numpy(rate))
        assert ops.convert_to_numpy(rate) >= 0
    assert len(set(rates(schedule))) > 1, "the example does not change the rate"


@check(LearningRateSchedule)
def a_step_of_any_kind_will_do(row: Technique) -> None:
    schedule = row.make()
    expected = rates(schedule)
    for kind in (int, float, np.int64, np.float32, whole_variable, ops.convert_to_tensor, float_tensor):
        assert rates(schedule, [kind(step) for step in STEPS]) == expected


@check(LearningRateSchedule)
def compiled_equals_eager(row: Technique) -> None:
    """For integer and for float steps."""
    schedule = row.make()
    for dtype in ("int32", "float32"):
        function = compiled(schedule.__call__)
        steps = [ops.convert_to_tensor(step, dtype=dtype) for step in STEPS]
        np.testing.assert_allclose(rates(function, steps), rates(schedule, steps), rtol=3e-6)


@check(LearningRateSchedule, Optimizer)
def low_precision_changes_nothing(row: Technique) -> None:
    """A schedule is float32 under any policy; weights of 16 bits move as those of 32 do, but for their rounding."""
    before = keras.config.dtype_policy()
    try:
        for policy in ("float16", "mixed_float16"):
            keras.config.set_dtype_policy(policy)
            technique = row.make()
            if isinstance(technique, LearningRateSchedule):
                assert keras.backend.standardize_dtype(technique(ops.convert_to_tensor(3)).dtype) == "float32"
        narrow = moved(row, "float16")
    finally:
        keras.config.set_dtype_policy(before)
    for one, other in zip(narrow, moved(row, "float32"), strict=True):
        np.testing.assert_allclose(one, other, rtol=FLOAT16, atol=FLOAT16)


@check(Optimizer)
def compiled_training_equals_eager(row: Technique) -> None:
    """PyTorch compiles no training unless it is told to."""
    eager, graph = TwoOutputs(), TwoOutputs()
    train(eager, row, [], until=CUT, run_eagerly=True)
    train(graph, row, [], until=CUT, run_eagerly=False)
    assert_close(graph.get_weights(), eager.get_weights())


@check(Callback)
def it_changes_the_training(row: Technique) -> None:
    """On JAX too, which holds the weights outside of the model during an epoch, and in a graph of TensorFlow."""
    plain, changed = TwoOutputs(), TwoOutputs()
    train(plain, row, [])
    train(changed, row, callbacks_of(row), run_eagerly=False, jit_compile=keras.backend.backend() == "jax")
    pairs = zip(changed.get_weights()[:4], plain.get_weights()[:4], strict=True)
    assert not all(np.allclose(*pair, rtol=1e-3) for pair in pairs), "what is learnt is the same without it"


@keras.saving.register_keras_serializable(package="tests")
class TwoOutputs(keras.Model):
    """Two layers with an output each, and a loss that weighs them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.coarse, self.fine = (keras.layers.Dense(2, kernel_initializer=Filled()) for _ in range(2))
        self.weights_of_outputs = self.add_weight(
            shape=(2,), initializer="ones", trainable=False, name="weights_of_outputs"
        )

    def build(self, input_shape):
        self.coarse.build(input_shape)
        self.fine.build((*input_shape[:-1], 2))

    def call(self, inputs):
        coarse = self.coarse(inputs)
        return [coarse, self.fine(coarse)]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        losses = [ops.mean(ops.square(y - output)) for output in y_pred]
        return ops.sum(self.weights_of_outputs * ops.stack(losses))


@keras.saving.register_keras_serializable(package="tests")
class Filled(keras.initializers.Initializer):
    """The same numbers on each backend."""

    def __call__(self, shape, dtype=None, **kwargs):
        return ops.convert_to_tensor(np.random.default_rng(5).standard_normal(shape), dtype=dtype)


class StopAfter(Callback):
    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch + 1 == self.epochs


def train(
    model: Any, row: Technique, callbacks: list[Callback], *, since: int = 0, until: int = EPOCHS, **options: Any
) -> None:
    """In two steps an epoch; a model that was trained before goes on. Only JAX is quicker compiled."""
    if not model.compiled:
        model.compile(optimizer_of(row), **{"run_eagerly": keras.backend.backend() != "jax", **options})
    random = np.random.default_rng(4)
    x, y = random.standard_normal((8, 3)).astype("float32"), random.standard_normal((8, 2)).astype("float32")
    model.fit(
        x,
        y,
        batch_size=4,
        shuffle=False,
        verbose=0,
        initial_epoch=since,
        epochs=EPOCHS,
        callbacks=[*callbacks, StopAfter(until)],
    )


def callbacks_of(row: Technique) -> list[Callback]:
    return [row.make()] if issubclass(row.cls, Callback) else []


def optimizer_of(row: Technique) -> Optimizer:
    if issubclass(row.cls, Optimizer):
        return row.make()
    if issubclass(row.cls, LearningRateSchedule):
        return SGD(row.make(), momentum=0.9)
    return MultiplierOptimizer(SGD(0.1, momentum=0.9), [0.5, 0.5, 1.0, 1.0])


def moved(row: Technique, dtype: str) -> list[np.ndarray]:
    """Weights of that dtype after two steps."""
    optimizer = optimizer_of(row)
    weights = [keras.Variable(np.full(2, 1.0 + index), dtype=dtype) for index in range(4)]
    for _ in range(2):
        optimizer.apply([ops.ones(2, dtype=dtype) for _ in weights], weights)
    return flat([weight.value for weight in weights])


def whole_variable(step: int) -> keras.Variable:
    """As the iterations of an optimizer."""
    return keras.Variable(step, dtype="int", trainable=False)


def float_tensor(step: int) -> Any:
    return ops.convert_to_tensor(float(step))


def rates(schedule: Callable[[Any], Any], steps: Any = STEPS) -> list[float]:
    return [float(ops.convert_to_numpy(schedule(step))) for step in steps]


def rates_of(optimizer: Optimizer) -> list[float]:
    parts = getattr(optimizer, "optimizers", [optimizer])
    return [float(ops.convert_to_numpy(part.learning_rate)) for part in parts]
