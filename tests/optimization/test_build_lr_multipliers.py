import keras
import pytest
from keras.layers import Activation, Dense, LayerNormalization

from dl_techniques.optimization import build_lr_multipliers


def network():
    """Two layers in a model inside, one that is used twice, and a head; four that learn."""
    inner_input = keras.Input((3,))
    inner = keras.Model(inner_input, LayerNormalization(name="norm")(Dense(4, name="stem")(inner_input)), name="body")
    twice, frozen = Dense(4, name="twice"), Dense(4, name="frozen")
    frozen.trainable = False
    inputs = keras.Input((3,))
    x = Activation("relu")(twice(inner(inputs)))
    return keras.Model(inputs, Dense(1, name="head")(twice(frozen(x))))


def test_decay():
    assert build_lr_multipliers(network(), decay=0.5) == [0.125, 0.125, 0.25, 0.25, 0.5, 0.5, 1.0, 1.0]
    assert build_lr_multipliers(network(), decay=1) == [1.0] * 8


def test_the_weights_of_the_model_itself_are_the_first():
    class Tokens(keras.Model):
        def __init__(self):
            super().__init__()
            self.head = Dense(2)
            self.body = Dense(2)
            self.token = self.add_weight(shape=(3,), name="token")

        def call(self, inputs):
            return self.head(self.body(inputs + self.token))

    model = Tokens()
    model(keras.ops.ones((1, 3)))
    found = dict(zip([w.name for w in model.trainable_weights], build_lr_multipliers(model, decay=0.5), strict=True))
    assert found["token"] == 0.5
    assert build_lr_multipliers(model, {"token": 0}).count(0) == 1


def test_rules():
    """The first that fits, without the name of a sequential model."""
    rules = {"head/kernel": 10, "(stem|norm)/.*": 0.0, ".*/kernel": 0.5}
    assert build_lr_multipliers(network(), rules) == [0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 10.0, 1.0]
    sequential = keras.Sequential([keras.Input((3,)), Dense(4, name="a"), Dense(1, name="b")])
    assert build_lr_multipliers(sequential, {"a/.*": 0.25}) == [0.25, 0.25, 1.0, 1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "There must be one of `rules` and `decay`. Received: rules=None, decay=None"),
        ({"rules": {}, "decay": 0.5}, "There must be one of `rules` and `decay`"),
        ({"decay": 0.0}, "decay=0.0"),
        ({"decay": 1.5}, "decay=1.5"),
        ({"rules": ["head"]}, r"rules=\['head'\]"),
        ({"rules": {"head": 0.5}}, "A rule must fit the path of a weight. Received: 'head', paths=.*head/kernel"),
        ({"rules": {"head/.*": -1}}, "-1"),
        ({"rules": {"head/.*": float("inf")}}, "inf"),
        ({"rules": {"head/(": 1.0}}, r"A rule must be a regular expression.*Received: 'head/\('"),
    ],
)
def test_what_is_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_lr_multipliers(network(), **arguments)


def test_a_model_without_weights_is_refused():
    with pytest.raises(ValueError, match="must be built"):
        build_lr_multipliers(keras.Sequential([Dense(3)]), decay=0.5)
