import itertools

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.layers import AdvancedLogicGateLayer
from tests.oracles.compare import assert_accurate, assert_same_function, output, values
from tests.oracles.logic import EXACT, OPERATIONS, SYSTEMS, gate, logical, neuron

OF_TWO = ("implies", "equiv", "xor")
GATES = [operation for operation in OPERATIONS if operation != "not"]


def truths(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype("float32")


def outputs(layer, inputs):
    return [ops.convert_to_numpy(y) for y in layer(keras.tree.map_structure(ops.convert_to_tensor, inputs))]


def weighted(layer, shape, importance, bias):
    layer.build(shape)
    layer.importance.assign(importance)
    layer.bias.assign([bias])
    return layer


@pytest.mark.parametrize("system", SYSTEMS)
def test_formula(system):
    for operation, size in itertools.product(GATES, (2, 3)):
        if operation in OF_TWO and size > 2:
            continue
        x = truths(40, size)
        importance, bias = truths(size, seed=1), 0.0 if system == "lukasiewicz" else -0.125
        layer = AdvancedLogicGateLayer(operation, system, use_weights=True, temperature=0.2)
        weighted(layer, x.shape, importance, bias)
        expected = gate(operation, system, x.astype("float64"), importance.astype("float64"), bias, temperature=0.2)
        np.testing.assert_allclose(output(layer, x), expected, rtol=0, atol=3e-6, err_msg=f"{operation} of {size}")


@pytest.mark.parametrize("operation", ["and", "or", "implies"])
def test_lukasiewicz_gates_are_logical_neurons(operation):
    """Importances above 1 and sums outside of [0, 1] included; gradients too."""
    t = truths(12, 5)
    x = {"and": 1 - 0.5 * t, "or": 0.3 * t, "implies": t[:, :2]}[operation]
    importance, bias = 0.5 + truths(x.shape[-1], seed=1), 0.25
    layer = AdvancedLogicGateLayer(operation, "lukasiewicz", use_weights=True)
    weighted(layer, x.shape, importance, bias)
    expected = neuron(operation, x.astype("float64"), importance.astype("float64"), bias)
    assert 0 < np.mean(expected % 1 > 0) < 1, "some are cut, some are not"
    np.testing.assert_allclose(output(layer, x), expected, rtol=0, atol=1e-6)
    assert_same_function(
        AdvancedLogicGateLayer(operation, "lukasiewicz", use_weights=True),
        lambda *arguments: neuron(operation, *arguments),
        x,
        ["importance", "bias"],
    )


@pytest.mark.parametrize("operation", ["nand", "xor", "equiv"])
def test_gradients(operation):
    layer = AdvancedLogicGateLayer(operation, "boolean", use_weights=True, temperature=0.5)
    assert_same_function(
        layer,
        lambda x, importance, bias: gate(operation, "boolean", x, importance, bias, temperature=0.5),
        truths(4, 2),
        ["importance", "bias"],
    )


@pytest.mark.parametrize("system", SYSTEMS)
def test_many_inputs_at_crisp_truths(system):
    """Those of three are all and any; the Boolean system stays within 0.01 however many there are."""
    tolerance = 0.01 if system == "boolean" else 0
    few = np.float32(list(itertools.product((0, 1), repeat=3)))
    many = np.tril(np.ones((65, 64), "float32"), -1)
    for x, (operation, function) in itertools.product((few, many), (("and", np.all), ("or", np.any))):
        expected = np.float32(function(x, axis=-1, keepdims=True))
        found = output(AdvancedLogicGateLayer(operation, system), x)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
        found = output(AdvancedLogicGateLayer("n" + operation, system), x)
        np.testing.assert_allclose(found, 1 - expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_list_is_the_last_axis(system):
    x = truths(3, 5, 4)
    layer = AdvancedLogicGateLayer("nor", system)
    assert_accurate(output_of_list(layer, x), output(layer, x)[..., 0])


def output_of_list(layer, x):
    return ops.convert_to_numpy(layer([ops.convert_to_tensor(x[..., i]) for i in range(x.shape[-1])]))


@pytest.mark.parametrize("system", EXACT)
@pytest.mark.parametrize("operation", GATES)
def test_an_input_without_importance_is_left_out(operation, system):
    x, other = truths(2, 20, 2)
    other[:, 0] = x[:, 0]
    layer = weighted(AdvancedLogicGateLayer(operation, system, use_weights=True), x.shape, [1.0, 0.0], 0.0)
    np.testing.assert_array_equal(output(layer, x), output(layer, other))
    neutral = 1.0 if operation in ("and", "nand", "equiv") else 0.0
    np.testing.assert_allclose(output(layer, x), logical(operation, system, x[:, :1], neutral), rtol=0, atol=1e-6)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_bounds_hold_what_lies_between_them(operation, system):
    size = 2 if operation in OF_TWO else 3
    ends = truths(2, 50, size)
    lower, upper = ends.min(axis=0), ends.max(axis=0)
    options = {"temperature": 0.2, "use_weights": operation != "not"}
    layer = AdvancedLogicGateLayer(operation, system, use_bounds=True, **options)
    points = AdvancedLogicGateLayer(operation, system, **options)
    for one, shape in ((layer, (lower.shape, upper.shape)), (points, lower.shape)):
        one.build(shape)
        one.bias.assign([0.125])
        if one.use_weights:
            one.importance.assign(0.5 + truths(size, seed=1))
    low, high = outputs(layer, (lower, upper))
    assert np.all(low <= high + 1e-6)
    share = truths(20, 50, size, seed=2)
    share[:2] = [[[0.0]], [[1.0]]]
    between = output(points, lower + share * (upper - lower))
    assert np.all(between >= low - 1e-6)
    assert np.all(between <= high + 1e-6)
    if operation in ("and", "or"):
        np.testing.assert_allclose(between[:2], [low, high], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(*outputs(layer, (lower, lower)))


def test_bounds_of_gates_go_into_gates():
    lower, upper = truths(2, 6, 3)
    lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    pair = tuple(map(ops.convert_to_tensor, (lower, upper)))
    negation = AdvancedLogicGateLayer("not", "product", use_bounds=True)
    implication = AdvancedLogicGateLayer("implies", "product", use_bounds=True)
    assert implication.compute_output_shape([((6, 3), (6, 3)), ((6, 3), (6, 3))]) == ((6, 3), (6, 3))
    low, high = map(ops.convert_to_numpy, implication([pair, negation(pair)]))
    np.testing.assert_allclose(low, np.where(upper <= 1 - upper, 1, (1 - upper) / upper), rtol=1e-6)
    np.testing.assert_allclose(high, np.where(lower <= 1 - lower, 1, (1 - lower) / lower), rtol=1e-6)


def test_importances_never_make_a_truth_of_falsehoods():
    for system in EXACT:
        layer = AdvancedLogicGateLayer("and", system, use_weights=True, initial_weight=3.0)
        assert not output(layer, np.zeros((1, 2), "float32")).any()


def test_weights():
    layer = AdvancedLogicGateLayer("or", use_weights=True, initial_weight=0.5, bias_initializer="ones")
    layer.build([(None, 4)] * 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.importance), [0.5] * 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.bias), [1.0])
    assert isinstance(layer.kernel_constraint, keras.constraints.NonNeg)
    layer = AdvancedLogicGateLayer("or", use_bias=False)
    layer.build((None, 4))
    assert layer.weights == []


def test_training_keeps_truths_and_importances_in_their_range(tmp_path):
    x = truths(32, 3)
    model = keras.Sequential([keras.Input((3,)), AdvancedLogicGateLayer("and", "product", use_weights=True)])
    model.compile(keras.optimizers.SGD(2.0), "mse", jit_compile=keras.backend.backend() == "jax")
    model.fit(x, 1 - x[:, :1], epochs=4, batch_size=32, verbose=0)
    found = output(model, x)
    assert found.min() >= 0
    assert found.max() <= 1
    assert ops.convert_to_numpy(model.layers[0].importance).min() >= 0
    assert np.ptp(ops.convert_to_numpy(model.layers[0].importance)) > 0
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(output(keras.saving.load_model(tmp_path / "model.keras"), x), found)


def test_not_has_no_importance():
    with pytest.raises(ValueError, match=r"`use_weights` must be false for \"not\".* Received: use_weights=True"):
        AdvancedLogicGateLayer("not", use_weights=True)
    x = values(2, 3)
    np.testing.assert_allclose(output(AdvancedLogicGateLayer("not", "godel"), x), np.clip(1 - x, 0, 1), rtol=1e-6)
