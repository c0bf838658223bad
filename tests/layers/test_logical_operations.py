import itertools

import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques import layers
from dl_techniques.layers import LogicSystem
from tests._frameworks import value_and_gradients
from tests.oracles.compare import values
from tests.oracles.logic import EXACT, OPERATIONS, SYSTEMS, TRUTH_TABLES, logical

OF_TWO = [operation for operation in OPERATIONS if operation != "not"]

# Eighths: their sums, and products of two of them, are exact in float32.
X, Y, Z = np.stack(np.meshgrid(*3 * [np.linspace(0, 1, 9, dtype="float32")], indexing="ij")).reshape(3, -1)


def found(operation, *arguments, **options):
    return ops.convert_to_numpy(getattr(layers, f"logical_{operation}")(*arguments, **options))


@pytest.mark.parametrize("system", SYSTEMS)
def test_truth_tables(system):
    x, y = np.float32(list(itertools.product((0, 1), (0, 1)))).T
    tolerance = 0.01 if system == "boolean" else 0
    for operation, table in TRUTH_TABLES.items():
        expected = [float(table(bool(a), bool(b))) for a, b in zip(x, y, strict=True)]
        truths = found(operation, x, y, logic_system=system, temperature=0.1)
        np.testing.assert_allclose(truths, expected, rtol=0, atol=tolerance, err_msg=operation)
    negated = found("not", x, logic_system=system, temperature=0.1)
    np.testing.assert_allclose(negated, 1 - x, rtol=0, atol=tolerance)


@pytest.mark.parametrize("system", SYSTEMS)
def test_closed_forms(system):
    x, y = np.random.default_rng(0).uniform(size=(2, 200)).astype("float32")
    x, y = np.append(x, X), np.append(y, Y)
    for operation in OPERATIONS:
        arguments = (x,) if operation == "not" else (x, y)
        expected = logical(operation, system, *(a.astype("float64") for a in arguments), temperature=0.3)
        truths = found(operation, *arguments, logic_system=system, temperature=0.3)
        assert truths.dtype == "float32"
        np.testing.assert_allclose(truths, expected, rtol=0, atol=2e-6, err_msg=operation)


@pytest.mark.parametrize("system", EXACT)
def test_laws(system):
    """Of a t-norm, its dual and its residuum."""

    def holds(operation, x, y):
        return found(operation, x, y, logic_system=system)

    for operation in ("and", "or"):
        once = holds(operation, X, Y)
        np.testing.assert_array_equal(once, holds(operation, Y, X))
        associated = holds(operation, once, Z), holds(operation, X, holds(operation, Y, Z))
        np.testing.assert_allclose(*associated, rtol=0, atol=1e-6)
        cube = once.reshape(9, 9, 9)
        assert np.all(np.diff(cube, axis=0) >= 0)
        assert np.all(np.diff(cube, axis=1) >= 0)
    np.testing.assert_array_equal(holds("and", X, np.ones_like(X)), X)
    np.testing.assert_array_equal(holds("or", X, np.zeros_like(X)), X)
    np.testing.assert_array_equal(1 - holds("and", X, Y), holds("or", 1 - X, 1 - Y))
    np.testing.assert_array_equal(holds("nand", X, Y), holds("or", 1 - X, 1 - Y))
    np.testing.assert_array_equal(holds("and", X, Z) <= Y, holds("implies", X, Y) >= Z)


def test_the_boolean_system_is_useless_at_temperature_one():
    options = {"logic_system": "boolean", "temperature": 1.0}
    assert found("and", 1.0, 1.0, **options) == pytest.approx(0.472, abs=5e-4)
    assert found("or", 0.0, 0.0, **options) == pytest.approx(0.528, abs=5e-4)


def test_product_implication_of_very_small_truths():
    """The quotient is right down to the smallest numbers, and so are its gradients."""
    x = np.float32([0, 0, 1e-8, 1e-8, 1e-30, 1e-30, 1e-38])
    y = np.float32([0, 1, 0, 5e-9, 0, 5e-31, 1])
    layer = layers.FuzzyLogicLayer("implies", "product")
    layer.build([x.shape, x.shape])
    jit = keras.backend.backend() == "jax"
    (truth,), gradients = value_and_gradients(layer, [x, y], [np.ones_like(x)], training=True, jit=jit)
    np.testing.assert_allclose(ops.convert_to_numpy(truth), [1, 1, 0, 0.5, 0, 0.5, 1], rtol=1e-6)
    by_x, by_y = map(ops.convert_to_numpy, gradients)
    np.testing.assert_allclose(by_x, [0, 0, 0, -5e7, 0, -5e29, 0], rtol=1e-6)
    np.testing.assert_allclose(by_y, [0, 0, 1e8, 1e8, 1e30, 1e30, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("operation", "system", "by_x", "by_y"),
    [
        ("and", "lukasiewicz", [0, 1, 1, 1], [0, 1, 1, 1]),
        ("or", "lukasiewicz", [1, 1, 1, 0], [1, 1, 1, 0]),
        ("and", "godel", [0.5, 1, 0, 0.5], [0.5, 0, 1, 0.5]),
        ("or", "godel", [0.5, 0, 1, 0.5], [0.5, 1, 0, 0.5]),
        ("and", "product", [0, 1, 0, 1], [0, 0, 1, 1]),
    ],
)
def test_gradients_at_crisp_truths_are_the_same_on_every_backend(operation, system, by_x, by_y):
    x, y = np.float32(list(itertools.product((0, 1), (0, 1)))).T
    layer = layers.FuzzyLogicLayer(operation, system)
    layer.build([x.shape, x.shape])
    _, gradients = value_and_gradients(layer, [x, y], [np.ones_like(x)], training=True, jit=False)
    np.testing.assert_array_equal(np.stack([ops.convert_to_numpy(g) for g in gradients]), [by_x, by_y])


def test_broadcasting_and_dtypes():
    assert found("and", np.ones((3, 1), "float32"), np.ones((2, 1, 4), "float32")).shape == (2, 3, 4)
    for dtype, expected in {
        "bfloat16": "bfloat16",
        "float16": "float16",
        "int32": "float32",
        "bool": "float32",
    }.items():
        truth = layers.logical_or(ops.ones((2,), dtype=dtype), ops.zeros((2,), dtype=dtype))
        assert keras.backend.standardize_dtype(truth.dtype) == expected
        np.testing.assert_array_equal(ops.convert_to_numpy(ops.cast(truth, "float32")), 1)
    narrow = ops.cast(values(64) % 1, "bfloat16")
    exact = ops.convert_to_numpy(ops.cast(narrow, "float32")).astype("float64")
    truth = layers.logical_xor(narrow, 1 - narrow, "boolean", 0.1)
    expected = logical("xor", "boolean", exact, 1 - exact, 0.1)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(truth, "float32")), expected, rtol=0, atol=0.012)


@pytest.mark.parametrize("operation", OF_TWO)
def test_lukasiewicz_is_the_default(operation):
    np.testing.assert_array_equal(found(operation, X, Y), found(operation, X, Y, LogicSystem.LUKASIEWICZ, 0.1))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`logic_system` must be one of \['boolean', .* Received: .*'modal'"):
        layers.logical_not(0.5, "modal")
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match=r"`temperature` must be a number > 0. Received: temperature="):
            layers.logical_and(0.5, 0.5, temperature=temperature)
