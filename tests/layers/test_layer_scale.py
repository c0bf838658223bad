import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import LayerScale
from tests.oracles.compare import assert_same_function, output, values


@pytest.mark.parametrize(("multiplier_type", "shape"), [("channel", (4,)), ("global", (1,))])
def test_oracle(multiplier_type, shape):
    layer = LayerScale(multiplier_type, constraint=None)
    assert_same_function(layer, lambda x, gamma: gamma * x, values(2, 3, 4), ["gamma"])
    assert layer.gamma.shape == shape


@pytest.mark.parametrize("multiplier_type", ["channel", "global"])
@pytest.mark.parametrize(
    ("start", "factor"), [("ones", 1.0), ("zeros", 0.0), (keras.initializers.Constant(1e-5), 1e-5)]
)
def test_starts_at_its_initializer(multiplier_type, start, factor):
    x = values(2, 3, 4)
    np.testing.assert_array_equal(output(LayerScale(multiplier_type, initializer=start), x), np.float32(factor) * x)


@pytest.mark.parametrize(("arguments", "gains"), [({}, [0.0, 1.5]), ({"constraint": None}, [-0.5, 1.5])])
def test_an_update_keeps_the_gain_non_negative_unless_told_otherwise(arguments, gains):
    layer = LayerScale(**arguments)
    layer.build((None, 2))
    step = keras.optimizers.SGD(learning_rate=1.0)
    step.apply([ops.convert_to_tensor([1.5, -0.5])], [layer.gamma])
    np.testing.assert_allclose(layer.gamma.numpy(), gains)


def test_the_regularizer_sees_the_gain():
    layer = LayerScale(initializer="ones", regularizer=keras.regularizers.L2(0.1))
    layer.build((None, 4))
    np.testing.assert_allclose([float(ops.convert_to_numpy(loss)) for loss in layer.losses], [0.4], rtol=1e-6)


def test_one_gain_a_channel_needs_known_channels():
    for shape in ((3,), (None, 4, None)):
        with pytest.raises(ValueError, match=r"Received: .*input_shape="):
            LayerScale("channel").build(shape)
        LayerScale("global").build(shape)
