import keras
import numpy as np
from keras import ops
from keras.ops import convert_to_numpy as numpy

from dl_techniques.layers import UncertaintyWeighting
from tests.oracles.compare import assert_same_function, output, values


def test_against_the_paper():
    losses = np.abs(values(3, 4))
    assert_same_function(
        UncertaintyWeighting(), lambda x, s: np.sum(np.exp(-s) * x + s, axis=-1), losses, ["log_variance"]
    )


def test_it_starts_as_the_plain_sum():
    losses = np.abs(values(3, 4))
    np.testing.assert_allclose(output(UncertaintyWeighting(), losses), losses.sum(axis=-1), rtol=1e-6)


def test_the_variance_becomes_the_loss():
    layer = UncertaintyWeighting()
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.5), loss=lambda y_true, y_pred: ops.mean(y_pred))
    losses = np.array([[3.0, 0.5]] * 32, "float32")
    model.fit(losses, np.zeros((32, 1)), batch_size=1, verbose=0)
    np.testing.assert_allclose(np.exp(numpy(layer.log_variance)), [3.0, 0.5], rtol=1e-3)
