import itertools
import json

import numpy as np
import pytest

from dl_techniques import layers
from tests.oracles.compare import output
from tests.oracles.logic import SYSTEMS, TRUTH_TABLES, gate

GATES = {
    "and": layers.FuzzyANDGateLayer,
    "or": layers.FuzzyORGateLayer,
    "xor": layers.FuzzyXORGateLayer,
    "nand": layers.FuzzyNANDGateLayer,
    "nor": layers.FuzzyNORGateLayer,
    "implies": layers.FuzzyImpliesGateLayer,
    "equiv": layers.FuzzyEquivGateLayer,
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_truth_tables(system):
    x = np.float32(list(itertools.product((0, 1), (0, 1))))
    tolerance = 0.01 if system == "boolean" else 0
    for operation, cls in GATES.items():
        expected = [[float(TRUTH_TABLES[operation](bool(a), bool(b)))] for a, b in x]
        np.testing.assert_allclose(output(cls(system), x), expected, rtol=0, atol=tolerance, err_msg=operation)
    np.testing.assert_allclose(output(layers.FuzzyNOTGateLayer(system), x), 1 - x, rtol=0, atol=tolerance)


def test_formula():
    x = np.random.default_rng(0).uniform(size=(30, 2)).astype("float32")
    for operation, cls in GATES.items():
        layer = cls("product", use_weights=True, initial_weight=0.75, bias_initializer="ones")
        layer.build(x.shape)
        layer.bias.assign([-0.125])
        expected = gate(operation, "product", x.astype("float64"), 0.75, -0.125)
        np.testing.assert_allclose(output(layer, x), expected, rtol=0, atol=1e-6, err_msg=operation)
    negation = layers.FuzzyNOTGateLayer("product", bias_initializer="ones")
    negation.build(x.shape)
    negation.bias.assign([-0.125])
    np.testing.assert_allclose(output(negation, x), np.clip(0.875 - x, 0, 1), rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", [*GATES.values(), layers.FuzzyNOTGateLayer])
def test_a_gate_is_made_anew_from_its_config_without_being_told_its_operation(cls):
    config = json.loads(json.dumps(cls("godel", temperature=0.5).get_config()))
    assert "operation" not in config
    again = cls.from_config(config)
    assert (again.operation, again.logic_system, again.temperature) == (cls.operation, "godel", 0.5)
