import keras
import numpy as np
from keras import ops

from dl_techniques.layers import SiLU
from tests.oracles import activations as oracles
from tests.oracles.compare import assert_accurate, assert_same_function, output, values


def test_oracle():
    assert_same_function(SiLU(), lambda x: x * oracles.sigmoid(x), 3 * values(4, 8))


def test_known_numbers():
    np.testing.assert_allclose(output(SiLU(), np.float32([1])), [0.731059], atol=1e-6)


def test_equals_that_of_keras():
    x = 3 * values(4, 8)
    assert_accurate(output(SiLU(), x), ops.convert_to_numpy(keras.activations.silu(x)))
