import json

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques._serialization import serializable


@serializable
class Widen(keras.Model):
    """A model, whose automatic Keras config would hold the default width."""

    def __init__(self, width=4, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.dense = keras.layers.Dense(width)

    def call(self, inputs, training=None):
        return self.dense(inputs)


@serializable
class Scaled(keras.losses.Loss):
    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, y_true, y_pred):
        return self.alpha * ops.mean(ops.square(y_true - y_pred), axis=-1)


@serializable
class Count(keras.metrics.Metric):
    def __init__(self, step=1.0, **kwargs):
        super().__init__(**kwargs)
        self.step = step


@serializable
class Power(keras.regularizers.Regularizer):
    def __init__(self, power=2.0):
        self.power = power

    def __call__(self, x):
        return ops.sum(ops.power(ops.abs(x), self.power))


@serializable
class Level(keras.initializers.Initializer):
    def __init__(self, level=0.0):
        self.level = level

    def __call__(self, shape, dtype=None):
        return ops.full(shape, self.level, dtype=dtype)


@serializable
class Ceiling(keras.constraints.Constraint):
    def __init__(self, ceiling=1.0):
        self.ceiling = ceiling

    def __call__(self, w):
        return ops.minimum(w, self.ceiling)


@serializable
class Holder(keras.layers.Layer):
    """A layer whose one argument can be anything."""

    def __init__(self, held=None, **kwargs):
        super().__init__(**kwargs)
        self.held = held

    def call(self, inputs, training=None):
        return inputs


@serializable
class Child(Widen):
    def __init__(self, depth=1, **kwargs):
        super().__init__(**kwargs)
        self.depth = depth


@serializable
class Handwritten(keras.layers.Layer):
    def __init__(self, square=4, **kwargs):
        super().__init__(**kwargs)
        self.root = square**0.5

    def get_config(self):
        return {**super().get_config(), "square": self.root**2}


def through_json(instance):
    return type(instance).from_config(json.loads(json.dumps(instance.get_config())))


@pytest.mark.parametrize(
    ("instance", "name", "value"),
    [
        (Widen(width=8), "width", 8),
        (Scaled(alpha=2.0), "alpha", 2.0),
        (Count(step=3.0), "step", 3.0),
        (Power(power=3.0), "power", 3.0),
        (Level(level=0.5), "level", 0.5),
        (Ceiling(ceiling=2.0), "ceiling", 2.0),
        (Holder("text"), "held", "text"),
        (Holder((1, (2, 3))), "held", [1, [2, 3]]),
        (Holder({"a": None, "b": {"c": True}}), "held", {"a": None, "b": {"c": True}}),
        (Holder(np.float32(0.5)), "held", 0.5),
        (Holder(np.int64(3)), "held", 3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_argument_survives_json(instance, name, value):
    assert getattr(through_json(instance), name) == value


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"key": x}], ids=["bare", "list", "dict"])
def test_a_layer_given_as_argument_is_rebuilt_as_a_layer(wrap):
    (rebuilt,) = keras.tree.flatten(through_json(Holder(wrap(keras.layers.Dense(3)))).held)
    assert isinstance(rebuilt, keras.layers.Dense)
    assert rebuilt.units == 3


def test_a_function_given_as_argument_is_rebuilt_as_the_function():
    assert through_json(Holder(keras.activations.silu)).held is keras.activations.silu


def test_arguments_of_the_base_classes_are_kept():
    rebuilt = through_json(Child(depth=2, width=8, name="child", dtype="mixed_bfloat16"))
    assert (rebuilt.depth, rebuilt.width, rebuilt.name, rebuilt.compute_dtype) == (2, 8, "child", "bfloat16")


def test_a_class_may_write_its_own_config():
    assert through_json(Handwritten(square=9)).root == 3


def test_a_saved_model_keeps_its_arguments_and_its_loss(tmp_path):
    x = np.random.default_rng(0).standard_normal((2, 3)).astype("float32")
    model = Widen(width=8)
    model.compile(optimizer="sgd", loss=Scaled(alpha=2.0))
    expected = ops.convert_to_numpy(model(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.width, loaded.loss.alpha) == (8, 2.0)
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded(x)), expected)


def test_an_argument_that_is_not_kept_is_named():
    @serializable
    class Forgetful(keras.layers.Layer):
        def __init__(self, width=1, **kwargs):
            super().__init__(**kwargs)

    with pytest.raises(AttributeError, match="Forgetful must keep its argument 'width'"):
        Forgetful().get_config()


def test_two_classes_of_one_name_are_refused():
    other = type("Holder", (keras.layers.Layer,), {"__module__": "somewhere.else"})
    with pytest.raises(ValueError, match=r"unique.*Received: somewhere\.else\.Holder"):
        serializable(other)
