import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.optimization import DeepSupervisionWeights, deep_supervision_schedule_builder
from tests.optimization_contract import TwoOutputs

CONFIG = {"type": "linear_low_to_high"}
X = np.random.default_rng(0).standard_normal((8, 3)).astype("float32")
Y = np.random.default_rng(1).standard_normal((8, 2)).astype("float32")


class Seen(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(ops.convert_to_numpy(self.model.weights_of_outputs))


@pytest.mark.parametrize("order", ["deepest_first", "main_first"])
def test_each_epoch_has_its_loss(order):
    """Of a model that does not move, in training and in validation."""
    model = TwoOutputs()
    model.compile(keras.optimizers.SGD(0.0))
    seen = Seen()
    callback = DeepSupervisionWeights(CONFIG, "weights_of_outputs", order=order)
    history = model.fit(
        X, Y, batch_size=4, epochs=3, verbose=0, validation_data=(X, Y), callbacks=[callback, seen]
    ).history
    schedule = deep_supervision_schedule_builder(CONFIG, 2, order=order)
    weights = [schedule(progress) for progress in (0, 0.5, 1)]
    losses = [np.mean((Y - ops.convert_to_numpy(output)) ** 2) for output in model(X)]
    np.testing.assert_allclose(seen.weights, weights, rtol=1e-6)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(history[name], np.dot(weights, losses), rtol=1e-5)


def test_the_first_epoch_is_the_begin_and_the_number_of_the_epoch_counts():
    model = TwoOutputs()
    model.compile(keras.optimizers.SGD(0.0))
    callback = DeepSupervisionWeights(CONFIG, "weights_of_outputs")
    for options, expected in (({"epochs": 1}, [2 / 3, 1 / 3]), ({"epochs": 5, "initial_epoch": 4}, [1 / 3, 2 / 3])):
        model.fit(X, Y, verbose=0, callbacks=[callback], **options)
        np.testing.assert_allclose(ops.convert_to_numpy(model.weights_of_outputs), expected, rtol=1e-6)


@pytest.mark.parametrize("attribute", ["deep_supervision_weights", "coarse", "name"])
def test_a_model_without_the_weight_is_refused(attribute):
    model = TwoOutputs()
    model.compile("sgd")
    with pytest.raises(ValueError, match=f"Received: attribute='{attribute}'"):
        model.fit(X, Y, verbose=0, callbacks=[DeepSupervisionWeights(CONFIG, attribute)])
