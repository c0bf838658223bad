import json

import keras
import numpy as np
import pytest

from dl_techniques.layers import FuzzyLogicLayer, LogicSystem
from tests.oracles.compare import output
from tests.oracles.logic import OPERATIONS, SYSTEMS, logical

X, Y = np.random.default_rng(0).uniform(size=(2, 4, 25)).astype("float32")


@pytest.mark.parametrize("system", SYSTEMS)
def test_formula(system):
    for operation in OPERATIONS:
        layer = FuzzyLogicLayer(operation, system, temperature=0.2)
        inputs = X if operation == "not" else [X, Y]
        expected = logical(operation, system, X.astype("float64"), Y.astype("float64"), temperature=0.2)
        np.testing.assert_allclose(output_of(layer, inputs), expected, rtol=0, atol=2e-6, err_msg=operation)
        assert layer.weights == []


def output_of(layer, inputs):
    if isinstance(inputs, list | tuple):
        return keras.ops.convert_to_numpy(layer(type(inputs)(keras.ops.convert_to_tensor(x) for x in inputs)))
    return output(layer, inputs)


def test_a_tuple_will_do():
    layer = FuzzyLogicLayer("implies", LogicSystem.GODEL)
    np.testing.assert_array_equal(output_of(layer, (X, Y)), output_of(layer, [X, Y]))


def test_a_member_of_the_enumeration_is_saved_as_its_name():
    config = json.loads(json.dumps(FuzzyLogicLayer(logic_system=LogicSystem.PRODUCT).get_config()))
    assert config["logic_system"] == "product"
    assert FuzzyLogicLayer.from_config(config).logic_system == LogicSystem.PRODUCT


@pytest.mark.parametrize(("operation", "number"), [("not", 2), ("and", 1), ("and", 3), ("implies", 3)])
def test_wrong_number_of_inputs(operation, number):
    with pytest.raises(ValueError, match=rf'"{operation}" takes .* Received: input_shape='):
        FuzzyLogicLayer(operation)([keras.ops.ones((2, 3))] * number)
