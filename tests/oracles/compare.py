"""A layer against its float64 oracle."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
from keras import ops

from tests._frameworks import value_and_gradients

FLOAT32_UNIT = 2.0**-23
BFLOAT16_UNIT = 2.0**-7

# Five times the largest errors of normalizations in float32, of outputs and of gradients, seen on any backend.
OUTPUT_UNITS, GRADIENT_UNITS = 8, 28


def output(layer, x, **options) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(layer(ops.convert_to_tensor(x), **options), "float32"))


def quick_output(layer, x: np.ndarray) -> np.ndarray:
    """What the layer returns. JAX compiles a function faster than its operations one by one."""
    if keras.backend.backend() != "jax":
        return ops.convert_to_numpy(layer(ops.convert_to_tensor(x)))
    if not layer.built:
        layer.build(x.shape)
    cotangent = np.zeros(layer.compute_output_shape(x.shape), "float32")
    (y,), _ = value_and_gradients(layer, [x], [cotangent], training=False, jit=True)
    return ops.convert_to_numpy(y)


def as_float32(layer, input_shape):
    """A model from float32 to float32 around a layer of another precision."""
    inputs = keras.Input(input_shape[1:])
    return keras.Model(inputs, keras.layers.Rescaling(1.0, dtype="float32")(layer(inputs)))


def values(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal float32 numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def rounded(x: np.ndarray, dtype: str) -> np.ndarray:
    """What is left of `x` in that dtype, as float64: the honest input of an oracle in low precision."""
    return ops.convert_to_numpy(ops.cast(ops.cast(x, dtype), "float32")).astype("float64")


def randomized(layer, *input_shapes, scale: float = 0.5):
    """The layer, built, with normal numbers in its trainable weights."""
    layer.build(*input_shapes)
    for seed, weight in enumerate(layer.trainable_weights, 1):
        weight.assign(scale * values(*weight.shape, seed=seed))
    return layer


def weights_of(layer) -> list[np.ndarray]:
    """What an oracle takes: the weights in float64."""
    return [ops.convert_to_numpy(weight.value).astype("float64") for weight in layer.weights]


def assert_accurate(found, expected, units: float = OUTPUT_UNITS, unit: float = FLOAT32_UNIT) -> None:
    """The largest error, in rounding units of the largest value expected."""
    assert np.shape(found) == np.shape(expected)
    error = np.max(np.abs(found - expected)) / (unit * np.max(np.abs(expected)))
    assert error <= units, f"{error:.3g} units"


def assert_same_function(layer, oracle: Callable[..., np.ndarray], x: np.ndarray, weights: Sequence[str] = ()) -> None:
    """Outputs, and gradients of the input and the named weights, equal those of `oracle(x, *weights)`.

    The weights get random values first. The oracle's gradients are central differences.
    """
    layer.build(x.shape)
    for seed, name in enumerate(weights, 1):
        getattr(layer, name).assign(values(*getattr(layer, name).shape, seed=seed))
    arguments = [x, *(ops.convert_to_numpy(getattr(layer, name).value) for name in weights)]
    arguments = [np.asarray(argument, "float64") for argument in arguments]
    expected = oracle(*arguments)
    cotangent = values(*expected.shape, seed=99)

    # JAX compiles a function faster than its operations one by one.
    jit = keras.backend.backend() == "jax"
    (found,), gradients = value_and_gradients(layer, [x], [cotangent], training=True, jit=jit)
    names = ["x", *(variable.name for variable in layer.trainable_variables)]
    gradients = dict(zip(names, map(ops.convert_to_numpy, gradients), strict=True))
    assert_accurate(ops.convert_to_numpy(found), expected)
    for index, name in enumerate(["x", *weights]):
        assert_accurate(gradients[name], central_differences(oracle, arguments, index, cotangent), GRADIENT_UNITS)


def central_differences(function, arguments, index: int, cotangent: np.ndarray, step: float = 1e-5) -> np.ndarray:
    gradient = np.empty_like(arguments[index])
    for place in np.ndindex(gradient.shape):
        pair = []
        for sign in (1, -1):
            moved = [argument.copy() for argument in arguments]
            moved[index][place] += sign * step
            pair.append(np.sum(function(*moved) * cotangent))
        gradient[place] = (pair[0] - pair[1]) / (2 * step)
    return gradient


def penalty_and_gradient(regularizer, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    layer = keras.layers.Lambda(regularizer)
    (value,), (gradient,) = value_and_gradients(layer, [weight], [np.float32(1)], training=True, jit=False)
    return ops.convert_to_numpy(value), ops.convert_to_numpy(gradient)


def assert_same_penalty(regularizer, oracle: Callable[..., float], weight: np.ndarray) -> None:
    """Value and gradient of a regularizer equal those of `oracle(weight)`."""
    value, gradient = penalty_and_gradient(regularizer, weight)
    exact = weight.astype("float64")
    assert_accurate(value, oracle(exact))
    assert_accurate(gradient, central_differences(oracle, [exact], 0, np.float64(1)), GRADIENT_UNITS)
