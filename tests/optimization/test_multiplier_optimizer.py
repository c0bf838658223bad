import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import ops
from keras.optimizers import SGD, AdamW

from dl_techniques.optimization import MultiplierOptimizer, build_lr_multipliers
from tests.optimization_contract import rates_of

MULTIPLIERS = [0.25, 0.5, 0.25, 1.0]
SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.5, decay_steps=2, decay_rate=0.25)


def variables(dtype="float32"):
    return [keras.Variable(np.arange(2.0) + index, dtype=dtype) for index in range(4)]


def gradients(step=0, scale=1.0, dtype="float32"):
    random = np.random.default_rng(step)
    return [ops.convert_to_tensor(scale * random.standard_normal(2), dtype=dtype) for _ in range(4)]


def numbers(weights):
    return [ops.convert_to_numpy(ops.cast(weight, "float32")) for weight in weights]


@pytest.mark.parametrize("make", [AdamW, lambda rate: SGD(rate, momentum=0.9, use_ema=True, clipnorm=0.5)])
def test_each_weight_moves_as_under_an_optimizer_of_its_own(make):
    found = variables()
    optimizer = MultiplierOptimizer(make(0.1), MULTIPLIERS)
    expected = variables()
    others = [make(0.1 * multiplier) for multiplier in MULTIPLIERS]
    for step in range(3):
        optimizer.apply(gradients(step), found)
        for other, gradient, weight in zip(others, gradients(step), expected, strict=True):
            other.apply([gradient], [weight])
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-6)


def test_a_schedule_is_scaled():
    """By hand: rates 0.5 and 0.25 of two steps down the same gradient."""
    found = variables()
    optimizer = MultiplierOptimizer(SGD(SCHEDULE), MULTIPLIERS)
    for _ in range(2):
        optimizer.apply(gradients(), found)
    steps = [0.75 * multiplier * g for multiplier, g in zip(MULTIPLIERS, numbers(gradients()), strict=True)]
    np.testing.assert_allclose(numbers(found), np.subtract(numbers(variables()), steps), rtol=1e-6)


def test_zero_freezes_and_keeps_nothing():
    found = variables()
    optimizer = MultiplierOptimizer(AdamW(0.1, weight_decay=0.5), [0, 1.0, 1.0, 0.0])
    optimizer.apply(gradients(), found)
    moved = [bool(np.any(one != other)) for one, other in zip(numbers(found), numbers(variables()), strict=True)]
    assert moved == [False, True, True, False]
    assert [len(part.variables) for part in optimizer.optimizers] == [2, 2 + 2 * 2]


def test_gradients_are_clipped_by_the_norm_of_all_that_move():
    for multipliers in (MULTIPLIERS, [0.0, *MULTIPLIERS[1:]]):
        found = variables()
        MultiplierOptimizer(SGD(1.0, global_clipnorm=0.5), multipliers).apply(gradients(), found)
        exact = numbers(gradients())
        moving = [g for g, multiplier in zip(exact, multipliers, strict=True) if multiplier]
        clipped = [
            0.5 / np.linalg.norm(moving) * multiplier * g for g, multiplier in zip(exact, multipliers, strict=True)
        ]
        np.testing.assert_allclose(numbers(found), np.subtract(numbers(variables()), clipped), rtol=1e-6)
    short = variables()
    MultiplierOptimizer(SGD(1.0, global_clipnorm=100.0), [1.0] * 4).apply(gradients(), short)
    np.testing.assert_allclose(numbers(short), np.subtract(numbers(variables()), numbers(gradients())), rtol=1e-6)


def test_the_norm_is_float32():
    """Squares of 1000 are too large for 16 bits."""
    found = variables("float16")
    MultiplierOptimizer(SGD(1.0, global_clipnorm=1.0), MULTIPLIERS).apply(gradients(0, 1e3, "float16"), found)
    assert np.all(np.isfinite(numbers(found)))
    assert np.any(np.not_equal(numbers(found), numbers(variables())))


def test_a_group_without_gradients_stays():
    found = variables()
    MultiplierOptimizer(SGD(0.1, global_clipnorm=1.0), [0.5, 0.5, 1.0, 1.0]).apply(
        [None, None, *gradients()[2:]], found
    )
    moved = [bool(np.any(one != other)) for one, other in zip(numbers(found), numbers(variables()), strict=True)]
    assert moved == [False, False, True, True]


def test_sparse_gradients_are_clipped():
    """TensorFlow has such for an embedding."""
    inputs = keras.Input((3,), dtype="int32")
    x = keras.layers.Flatten()(keras.layers.Embedding(5, 4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    before = model.get_weights()
    multipliers = build_lr_multipliers(model, decay=0.5)
    model.compile(MultiplierOptimizer(SGD(1.0, global_clipnorm=0.01), multipliers), "mse")
    model.fit(np.array([[0, 1, 1]]), np.ones((1, 2), "float32"), verbose=0)
    moved = [one - other for one, other in zip(model.get_weights(), before, strict=True)]
    length = np.sqrt(sum(np.sum((step / factor) ** 2) for step, factor in zip(moved, multipliers, strict=True)))
    np.testing.assert_allclose(length, 0.01, rtol=1e-3)


def test_a_loaded_sequential_model_goes_on():
    """In Keras' own `OptimizerMap` its weights are not found, as their paths are others."""
    layers = [keras.layers.Dense(4), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    multipliers = build_lr_multipliers(model, decay=0.5)
    model.compile(MultiplierOptimizer(AdamW(0.1), multipliers), "mse")
    halving = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.5 * rate)
    x, y = np.ones((4, 3), "float32"), np.ones((4, 2), "float32")
    model.fit(x, y, verbose=0, callbacks=[halving])
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        loaded = keras.saving.load_model(Path(folder) / "model.keras")
    assert [w.path for w in loaded.weights] != [w.path for w in model.weights]
    for one in (model, loaded):
        np.testing.assert_allclose(rates_of(one.optimizer), [0.025, 0.05], rtol=1e-6)
        one.fit(x, y, verbose=0)
    np.testing.assert_allclose(
        np.concatenate([w.ravel() for w in loaded.get_weights()]),
        np.concatenate([w.ravel() for w in model.get_weights()]),
        rtol=1e-6,
    )


def test_the_optimizer_stays_as_it_is():
    optimizer = SGD(0.1, global_clipnorm=1.0, name="given")
    before = optimizer.get_config()
    MultiplierOptimizer(optimizer, MULTIPLIERS).apply(gradients(), variables())
    assert optimizer.get_config() == before
    assert not optimizer.built


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (MultiplierOptimizer(SGD(0.1), [1.0]), "wraps no other"),
        (keras.optimizers.LossScaleOptimizer(SGD(0.1)), "wraps no other"),
        (SGD(0.1, global_clipnorm=1.0, loss_scale_factor=2.0), "goes with neither"),
        (SGD(0.1, global_clipnorm=1.0, gradient_accumulation_steps=2), "goes with neither"),
    ],
)
def test_what_is_refused(optimizer, message):
    with pytest.raises(ValueError, match=message):
        MultiplierOptimizer(optimizer, [1.0])


def test_there_is_a_multiplier_for_each_weight():
    with pytest.raises(ValueError, match=r"each of the 4 trainable weights. Received: 3 multipliers"):
        MultiplierOptimizer(SGD(0.1), [1.0] * 3).apply(gradients(), variables())
