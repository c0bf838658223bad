import keras
import numpy as np
import pytest

from dl_techniques.optimization import GradualUnfreezing, MultiplierOptimizer, build_lr_multipliers
from tests.optimization_contract import rates_of

X, Y = np.full((4, 3), 0.1, "float32"), np.full((4, 2), 0.1, "float32")
SCHEDULE = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)


class Moved(keras.callbacks.Callback):
    """Which layers have moved in each epoch, and at which rates."""

    def __init__(self):
        super().__init__()
        self.layers, self.rates = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.model.get_weights()

    def on_epoch_end(self, epoch, logs=None):
        pairs = zip(self.before, self.model.get_weights(), strict=True)
        moved = [bool(np.any(one != other)) for one, other in pairs]
        assert moved[::2] == moved[1::2]
        self.layers.append(moved[::2])
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        self.rates.append(rates_of(optimizer))


def network(dtype="float32"):
    """Three layers."""
    inputs = keras.Input((3,))
    x = keras.layers.Dense(4, dtype=dtype, name="first")(inputs)
    x = keras.layers.Dense(4, dtype=dtype)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, dtype=dtype)(x))
    model.dtype_policy = keras.dtype_policies.get(dtype)
    return model


@pytest.mark.parametrize(("dtype", "epochs_per_group"), [("float32", 1), ("mixed_float16", 2)])
def test_group_after_group_is_opened(dtype, epochs_per_group):
    """Against weight decay too, with validation in between, and inside of a loss scale."""
    model = network(dtype)
    multipliers = build_lr_multipliers(model, decay=0.5)
    model.compile(MultiplierOptimizer(keras.optimizers.AdamW(0.04), multipliers), "mse")
    moved, callback = Moved(), GradualUnfreezing([0.01, 0.02, 0.04], epochs_per_group)
    epochs = 3 * epochs_per_group + 1
    model.fit(X, Y, epochs=epochs, verbose=0, validation_data=(X, Y), callbacks=[callback, moved])
    stages = [[False, False, True], [False, True, True], [True, True, True]]
    assert moved.layers == [stage for stage in stages for _ in range(epochs_per_group)] + [stages[-1]]
    np.testing.assert_allclose(moved.rates[0], [0, 0, 0.04])
    np.testing.assert_allclose(moved.rates[-1], [0.01, 0.02, 0.04])


def test_a_layer_cannot_be_switched_inside_of_fit():
    """Why it goes by the learning rate: each backend takes `trainable` otherwise."""

    class Freezing(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.get_layer("first").trainable = epoch == 0

    model, moved = network(), Moved()
    model.compile("sgd", "mse")

    def fit():
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[Freezing(), moved])

    if keras.backend.backend() == "jax":
        with pytest.raises(ValueError, match="must match"):
            fit()
    else:
        fit()
        assert any(moved.layers[1]) == (keras.backend.backend() == "tensorflow") or moved.layers[1] == [
            False,
            True,
            True,
        ]


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (keras.optimizers.SGD(0.1), "The model needs a `MultiplierOptimizer`"),
        (MultiplierOptimizer(keras.optimizers.SGD(0.1), [1.0] * 6), "here 1. Received: learning_rates="),
        (MultiplierOptimizer(keras.optimizers.SGD(SCHEDULE), [0.5] * 4 + [1.0] * 2), "not a schedule"),
        (MultiplierOptimizer(keras.optimizers.Ftrl(0.1), [0.5] * 4 + [1.0] * 2), "which Ftrl cannot"),
    ],
)
def test_what_is_refused(optimizer, message):
    model = network()
    model.compile(optimizer, "mse")
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0, callbacks=[GradualUnfreezing([0.05, 0.1])])
