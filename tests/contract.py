"""What every technique promises, one small function a promise.

Each check takes one row of the catalogue and raises an `AssertionError` when the promise is broken, so a check can be
run by hand: `contract.jit_equals_eager(row)`. Weights are moved off their initial values first, or a layer that starts
as zero or as the identity could hide anything.
"""

import contextlib
import gc
import inspect
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
from keras import ops

from dl_techniques.catalogue import Technique
from tests._frameworks import call_without_sizes, double_precision, narrow_operations, value_and_gradients, variable

# The outputs, and the gradient of each input and weight with its name.
Step = tuple[list[np.ndarray], list[tuple[str, np.ndarray | None]]]

CHECKS: list[Callable[[Technique], None]] = []

# Two float32 computations of the same thing, in another order. The differences seen are ten times smaller.
FLOAT32 = 3e-6
NOISE = 1e-6
# Eight bits of precision in the inputs, the weights and the output of each step.
BFLOAT16 = 2e-2
# Inputs that lie so near to a step that rounding takes them over it.
FLIPPED = 0.05

# Steps of a few roundings of float32, and how straight float64 is between them.
STEP = 1e-6
FLOAT64 = 1e-9
# Times normally distributed numbers.
LARGE = 100.0

# How the classes of this library read an argument, by the last word of its name.
RESOLVE = {
    "initializer": keras.initializers.get,
    "regularizer": keras.regularizers.get,
    "constraint": keras.constraints.get,
    "activation": keras.activations.get,
}


def check(function: Callable[[Technique], None]) -> Callable[[Technique], None]:
    CHECKS.append(function)
    return function


@check
def config_survives_json(row: Technique) -> None:
    layer = built(row)
    clone = with_weights_of(layer, row.cls.from_config(json.loads(json.dumps(layer.get_config()))), row)
    for training in (False, True):
        assert_close(run(clone, row, training=training), run(layer, row, training=training))


@check
def config_holds_every_argument(row: Technique) -> None:
    """Those of the base class too, and each switch also in its other position."""
    defaults = {parameter.name: parameter.default for parameter in own_parameters(row.cls)}
    given = {**defaults, **row.arguments, "name": "given_name", "trainable": False}
    switched = {name: not value for name, value in given.items() if isinstance(value, bool)}
    for arguments in (given, {**given, **switched}):
        config = json.loads(json.dumps(row.cls(**arguments).get_config()))
        for name, value in arguments.items():
            assert name in config, f"the config lacks '{name}'"
            expected = as_config(name, value)
            assert config[name] == expected, f"{name}={value!r} became {config[name]!r} in the config"


@check
def config_is_the_same_after_build(row: Technique) -> None:
    layer = row.make()
    before = json.dumps(layer.get_config())
    run(layer, row)
    assert json.dumps(layer.get_config()) == before


@check
def config_is_a_fixed_point(row: Technique) -> None:
    """A layer made from a config, or from one that went through JSON, has that config."""
    for layer in (row.make(), row.make(**sequences_as(tuple, row)), row.make(**sequences_as(list, row))):
        config = layer.get_config()
        assert row.cls.from_config(config).get_config() == config
        assert json.loads(json.dumps(config)) == config, "JSON changes the config"


@check
def frozen_stays_frozen(row: Technique) -> None:
    """From the constructor, when copied or loaded; so do single parts. What is frozen does not move in training."""
    layer = built(row)
    for part in parts(layer)[::2]:
        part.trainable = False
    assert moving(reloaded(layer)) == moving(layer), "parts are frozen, but trainable again, or the other way round"
    layer.trainable = False
    before = layer.get_weights()
    run(layer, row, training=True)
    assert all_equal(layer.get_weights(), before), "weights move in training"
    assert moving(reloaded(layer)) == [], "frozen, but trainable again"


@check
def only_its_state_moves(row: Technique) -> None:
    """By name, and in training only. Where it got to is saved."""
    layer = built(row)
    before = by_name(layer)
    run(layer, row)
    assert moved(before, by_name(layer)) == set(), "weights move in inference"
    run(layer, row, training=True)
    after = by_name(layer)
    assert moved(before, after) == set(row.state), "other weights move in training than the row names"
    if row.state:
        again = reloaded(layer)
        again.set_weights(layer.get_weights())
        for training in (False, True):
            rewind(again)
            rewind(layer)
            assert_close(run(again, row, training=training), run(layer, row, training=training))
        assert_close(flat(again.weights), flat(layer.weights))


@check
def added_losses_are_told(row: Technique) -> None:
    """A loss of the layer's own is added in training where the row says so, and moves weights when it is fitted."""
    layer = built(row)
    for training in (False, True):
        run(layer, row, training=training)
        penalties = sum(weight.regularizer is not None for weight in layer.trainable_weights)
        added = [float(ops.convert_to_numpy(loss)) for loss in layer.losses[: len(layer.losses) - penalties]]
        assert bool(added) == (training and row.adds_loss), f"{len(added)} losses are added"
        assert np.all(np.isfinite(added))
    if row.adds_loss:
        inputs = placeholders(row)
        model = keras.Model(inputs, layer(join(inputs)))
        model.compile("sgd")
        before = by_name(layer)
        model.train_on_batch(join(example(row)))
        assert moved(before, by_name(layer)) - set(row.state), "no weight learns from the loss"


@check
def build_creates_every_weight(row: Technique) -> None:
    by_shape, by_call = row.make(), row.make()
    by_shape.build(join(shapes(row)))
    run(by_call, row)
    assert weight_names(by_shape) == weight_names(by_call)


@check
def output_shape_is_known_before_build(row: Technique) -> None:
    layer = row.make()
    assert "compute_output_shape" in own_methods(row.cls), "compute_output_shape is missing"
    for batch in (row.inputs[0][0], None):
        found = as_shapes(layer.compute_output_shape(join(shapes(row, batch))))
        assert found == output_shapes(row, batch)
    assert not layer.built, "compute_output_shape must not build the layer"
    symbolic = keras.tree.flatten(layer(join(placeholders(row))))
    assert [tuple(y.shape) for y in symbolic] == output_shapes(row, None)


@check
def saved_model_gives_the_same_output(row: Technique) -> None:
    """As a whole, or cloned and then given the weights saved."""
    layer, expected = shared(row)
    inputs = placeholders(row)
    model = keras.Model(inputs, layer(join(inputs)))
    clone = keras.models.clone_model(model)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.keras")
        model.save_weights(Path(folder) / "model.weights.h5")
        loaded = keras.saving.load_model(Path(folder) / "model.keras")
        clone.load_weights(Path(folder) / "model.weights.h5")
    for again in (loaded, clone):
        rewind(again)
        assert_close(flat(again(example(row), training=False)), expected)


@check
def sizes_may_be_unknown(row: Technique) -> None:
    """All but the last; a layer that must know them says so."""
    (layer, expected), again = shared(row), row.make()
    unknown = [(*(None,) * (len(shape) - 1), shape[-1]) for shape in row.inputs]
    try:
        again.build(join(unknown))
    except ValueError as error:
        if "Received" not in str(error):
            raise
        return
    again.set_weights(layer.get_weights())
    rewind(again)
    assert_close(flat(call_without_sizes(again, example(row), unknown)), expected)


@check
def settings_of_keras_change_nothing(row: Technique) -> None:
    """Images with channels first everywhere, and adapters that start at zero."""
    layer, expected = shared(row)
    with images_with_channels_first():
        changed = with_weights_of(layer, row.make(), row)
    for part in parts(changed):
        if hasattr(part, "enable_lora") and part.kernel_constraint is None:
            part.enable_lora(1)
    rewind(changed)
    assert_close(run(changed, row), expected)


@check
def quantized_stays_quantized(row: Technique) -> None:
    """When loaded, with the same outputs."""
    layer = built(row)
    # PyTorch's layers collect garbage at each weight that is replaced.
    with mock.patch.object(gc, "collect"):
        for part in parts(layer):
            with contextlib.suppress(NotImplementedError):
                part.quantize("int8")
        if not any(part.quantization_mode for part in parts(layer)):
            return
        again = reloaded(layer)
    for one, other in zip([layer, *parts(layer)], [again, *parts(again)], strict=True):
        store: dict[str, Any] = {}
        one.save_own_variables(store)
        other.load_own_variables(store)
    rewind(layer)
    assert_close(run(again, row), run(layer, row))


@check
def gradients_reach_inputs_and_weights(row: Technique) -> None:
    layer = built(row)
    _, gradients = differentiate(layer, row, training=True)
    if not row.differentiable:
        passed = [name for name, gradient in gradients if gradient is not None and np.any(gradient != 0)]
        assert passed == [], "gradients pass"
        return
    for name, gradient in gradients:
        assert gradient is not None, f"{name} has no gradient"
        assert np.all(np.isfinite(gradient)), f"the gradient of {name} is not finite"
        assert np.any(gradient), f"the gradient of {name} is zero everywhere"


@check
def jit_equals_eager(row: Technique) -> None:
    assert_compiles(row, training=False, random=row.random_in_inference)


@check
def training_compiles(row: Technique) -> None:
    """As `jit_equals_eager`, in training."""
    assert_compiles(row, training=True, random=row.random)


@check
def low_precision_keeps_its_dtypes(row: Technique) -> None:
    """From float32 inputs: with float32 weights (mixed precision), and with bfloat16 ones.

    The error is taken over sixteen examples: over the ten numbers of a single one it is the luck of the draw. What is
    an integer or a mask is the same, or is another one.
    """
    exact, _ = shared(row)
    examples = [join(example(row, seed=seed)) for seed in range(16)]
    expected = [flat(exact(inputs, training=False)) for inputs in examples]
    for policy, weight_dtype in {"mixed_bfloat16": "float32", "bfloat16": "bfloat16"}.items():
        layer = with_weights_of(exact, row.make(dtype=policy), row)
        found = [keras.tree.flatten(layer(inputs, training=False)) for inputs in examples]
        assert dtypes(found[0]) <= {"bfloat16", "int32"}
        assert dtypes(layer.trainable_weights) <= {weight_dtype}
        is_step = [not row.differentiable or not keras.backend.is_float_dtype(y.dtype) for y in found[0]]
        pairs = zip(zip(*map(flat, found), strict=True), zip(*expected, strict=True), strict=True)
        for step, (narrow, wide) in zip(is_step, pairs, strict=True):
            if step:
                share = np.mean(np.not_equal(narrow, wide))
                assert share < FLIPPED, f"{share:.0%} of the values under {policy} are others"
            else:
                error = np.sqrt(np.mean(np.subtract(narrow, wide) ** 2) / np.mean(np.square(wide)))
                assert error < BFLOAT16, f"the relative error under {policy} is {error:.2g}"


@check
def inputs_of_any_kind_will_do(row: Technique) -> None:
    """Integers, images of bytes, booleans and variables give what the same numbers give as tensors of floats."""
    layer, _ = shared(row)
    whole = [ops.floor(ops.abs(50 * x)) for x in example(row)]
    zero_or_one = [x % 2 for x in whole]
    for inputs, kinds in ((whole, ("int32", "uint8", None)), (zero_or_one, ("bool",))):
        rewind(layer)
        expected = flat(layer(join(inputs), training=False))
        for dtype in kinds:
            rewind(layer)
            given = join([ops.cast(x, dtype) if dtype else variable(x) for x in inputs])
            outputs = keras.tree.flatten(layer(given, training=False))
            assert dtypes(outputs) <= {"float32", "int32"}
            assert_close(flat(outputs), expected)


@check
def padding_is_not_seen(row: Technique) -> None:
    """What Keras' mask of a sequence hides moves nothing that it shows.

    Unless a layer that knows no masks was told to go over the steps: it goes over all of them.
    """
    takes_masks = "mask" in inspect.signature(row.cls.call).parameters
    goes_over_steps = 1 in np.atleast_1d(row.arguments.get("axis", -1))
    if len(row.inputs[0]) != 3 or (goes_over_steps and not takes_masks):
        return
    layer, _ = shared(row)
    assert layer.supports_masking, "Keras' mask is lost"
    inputs = example(row)
    shown = [np.arange(x.shape[1]) < x.shape[1] - 1 - np.arange(x.shape[0])[:, None] % 2 for x in inputs]
    moved = [x + ops.cast(~show[..., None], x.dtype) for x, show in zip(inputs, shown, strict=True)]
    masks = {"mask": join([ops.convert_to_tensor(show) for show in shown])} if takes_masks else {}
    for one, other in zip(flat(layer(join(inputs), **masks)), flat(layer(join(moved), **masks)), strict=True):
        seen = shown[0] if one.shape[:2] == shown[0].shape else ...
        assert_close([one[seen]], [other[seen]])


@check
def float64_is_computed_in_float64(row: Technique) -> None:
    """Over a short way the output is a straight line, which rounding to float32 bends a hundred times more.

    JAX would compile each operation anew for that, but tells what it is about to compute.
    """
    random = np.random.default_rng(3)
    middle = [random.standard_normal(shape) for shape in shapes(row, row.inputs[0][0])]
    way = [STEP * random.standard_normal(x.shape) for x in middle]
    with double_precision():
        # Its weights are not looked at where only operations are.
        zeros = {name: "zeros" for name in random_initializers(row)} if keras.backend.backend() == "jax" else {}
        layer = row.make(dtype="float64", **zeros)
        layer.build(join(shapes(row, row.inputs[0][0])))
        assert {weight.dtype for weight in layer.weights} <= {"float64", "int32"}

        def at(step: int) -> list[Any]:
            return [ops.convert_to_tensor(x + step * w, dtype="float64") for x, w in zip(middle, way, strict=True)]

        if keras.backend.backend() == "jax":
            assert narrow_operations(layer, at(0)) == []
            return
        outputs = []
        for step in (-1, 0, 1):
            rewind(layer)
            outputs.append(floating(layer(join(at(step)), training=False)))
        for left, centre, right in zip(*(map(ops.convert_to_numpy, ys) for ys in outputs), strict=True):
            assert centre.dtype == "float64"
            if not row.differentiable:
                continue
            bend = np.abs(left + right - 2 * centre).max() / np.abs(centre).max()
            assert bend < FLOAT64, f"the relative error is {bend:.2g}"


@check
def large_inputs_stay_finite_in_float16(row: Technique) -> None:
    """Where the float32 output is, and fits into float16."""
    exact = built(row)
    layer = with_weights_of(exact, row.make(dtype="mixed_float16"), row)
    inputs = [LARGE * x for x in example(row)]
    for training in (False, True):
        rewind(layer)
        rewind(exact)
        found = flat(layer(join(inputs), training=training))
        for narrow, wide in zip(found, flat(exact(join(inputs), training=training)), strict=True):
            assert np.all(np.isfinite(narrow[np.abs(wide) < 6e4]))


@check
def any_batch_size_will_do(row: Technique) -> None:
    layer = built(row)
    batch = row.inputs[0][0]
    more = example(row, batch + 1)
    for training in (False, True):
        run(layer, row, training=training)
        found = [y.shape for y in flat(layer(join(more), training=training))]
        assert found == output_shapes(row, batch + 1)
    if row.random_in_inference:
        return
    fewer = [x[:batch] for x in more]
    expected = [y[: len(z)] for y, z in zip(flat(layer(join(more))), flat(layer(join(fewer))), strict=True)]
    assert_close(flat(layer(join(fewer))), expected)


@check
def seed_decides_the_output(row: Technique) -> None:
    """Equal seeds draw equal numbers whatever the global seed is, and each call draws new ones."""
    first = built(row)
    keras.utils.set_random_seed(1)
    second = with_weights_of(first, row.make(), row)
    weights = first.get_weights()
    once = run(first, row, training=True)
    assert_close(run(second, row, training=True), once)
    first.set_weights(weights)
    assert all_equal(run(first, row, training=True), once) != row.random


@check
def inference_is_deterministic(row: Technique) -> None:
    """Unless the row says that it draws; then each call draws anew."""
    layer = built(row)
    once = run(layer, row, training=False)
    for again in (run(layer, row, training=False), flat(layer(join(example(row))))):
        assert all_equal(once, again) != row.random_in_inference


@check
def inputs_are_not_changed(row: Technique) -> None:
    layer, inputs = built(row), example(row)
    before = flat(inputs)
    for training in (False, True):
        layer(join(inputs), training=training)
        assert all_equal(flat(inputs), before)


@check
def equal_shaped_kernels_differ(row: Technique) -> None:
    """Also with a seeded initializer: one that is shared, or copied with its seed, starts two kernels equal."""
    for arguments in ({}, seeded_initializers(row)):
        layer = row.make(**arguments)
        run(layer, row)
        values = [(w.path, ops.convert_to_numpy(w.value)) for w in layer.trainable_weights if len(w.shape) > 1]
        drawn = [(path, value) for path, value in values if np.ptp(value) > 0]
        for (path, value), (other_path, other) in combinations(drawn, 2):
            assert not np.array_equal(value, other), f"{path} starts equal to {other_path}"


@check
def bad_arguments_are_rejected(row: Technique) -> None:
    for arguments in row.rejects:
        text = error_text(lambda arguments=arguments: row.make(**arguments).build(join(shapes(row))))
        assert any(repr(value) in text for value in arguments.values()), f"{arguments} not shown in: {text}"


@check
def bad_input_shapes_are_rejected(row: Technique) -> None:
    for shape in row.rejects_inputs:
        text = error_text(lambda shape=shape: row.make().build(shape))
        assert str(shape) in text, f"{shape} not shown in: {text}"


def built(row: Technique, **overrides: Any) -> Any:
    """The row's layer with weights that are the same at each call of this function, and not the initial ones."""
    keras.utils.set_random_seed(0)
    layer = row.make(**overrides)
    run(layer, row)
    random = np.random.default_rng(0)
    for weight in layer.trainable_weights:
        weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
        if weight.constraint is not None:
            weight.assign(weight.constraint(weight))
    return layer


def shared(row: Technique) -> tuple[Any, list[np.ndarray]]:
    """As `built`, with what it gives: one layer for all checks that leave it as it is."""
    if not _SHARED or _SHARED[0] is not row:
        layer = built(row)
        rewind(layer)
        _SHARED[:] = row, layer, run(layer, row)
    return _SHARED[1], _SHARED[2]


_SHARED: list[Any] = []


def with_weights_of(layer: Any, other: Any, row: Technique) -> Any:
    run(other, row)
    other.set_weights(layer.get_weights())
    return other


@contextlib.contextmanager
def images_with_channels_first() -> Iterator[None]:
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


def reloaded(layer: Any) -> Any:
    """A layer as a saved model has it before its weights are loaded: made from its config, and built."""
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    return keras.saving.deserialize_keras_object(config)


def parts(layer: Any) -> list[Any]:
    return layer._flatten_layers(include_self=False)


def moving(layer: Any) -> list[str]:
    """What `fit` would train, also where a model holds the layer."""
    return [variable.path.partition("/")[2] for variable in layer.variables if variable.trainable]


def sequences_as(kind: type, row: Technique) -> dict[str, Any]:
    """The row's lists and tuples, and those that are defaults, as one of the two."""
    defaults = {parameter.name: parameter.default for parameter in own_parameters(row.cls)}
    values = {**defaults, **row.arguments}
    return {name: kind(value) for name, value in values.items() if isinstance(value, list | tuple)}


def rewind(layer: Any) -> None:
    """The next numbers drawn are the first ones again, as in a layer that was just loaded."""
    for weight in layer.variables:
        if weight.name == "seed_generator_state":
            weight.assign(weight * ops.convert_to_tensor([1, 0], dtype=weight.dtype))


def run(layer: Any, row: Technique, *, training: bool = False) -> list[np.ndarray]:
    return flat(layer(join(example(row)), training=training))


def differentiate(layer: Any, row: Technique, *, training: bool = False, jit: bool = False) -> Step:
    """Outputs and named gradients, for a random cotangent; integers have none."""
    random = np.random.default_rng(1)
    cotangents = [random.standard_normal(y.shape).astype("float32") for y in run(layer, row)]
    outputs, gradients = value_and_gradients(layer, example(row), cotangents, training=training, jit=jit)
    names = [f"input {i}" for i in range(len(row.inputs))] + [w.path for w in layer.trainable_weights]
    values = [None if g is None else flat(g)[0] for g in gradients]
    return flat(outputs), list(zip(names, values, strict=True))


def example(row: Technique, batch: int | None = None, seed: int = 2) -> list[Any]:
    random = np.random.default_rng(seed)
    concrete = shapes(row, batch or row.inputs[0][0])
    return [ops.convert_to_tensor(random.standard_normal(shape).astype("float32")) for shape in concrete]


def placeholders(row: Technique) -> list[Any]:
    return [keras.Input(shape[1:]) for shape in row.inputs]


def shapes(row: Technique, batch: int | None = None) -> list[tuple[int | None, ...]]:
    return [(batch, *shape[1:]) for shape in row.inputs]


def output_shapes(row: Technique, batch: int | None) -> list[tuple[int | None, ...]]:
    found = [y.shape for y in flat(row.make()(join(example(row, batch))))]
    return [(batch, *shape[1:]) for shape in found] if batch is None else found


def as_shapes(shape: Any) -> list[tuple[int | None, ...]]:
    single = all(size is None or isinstance(size, int) for size in shape)
    return [tuple(shape)] if single else [tuple(part) for part in shape]


def join(parts: list[Any]) -> Any:
    """A layer of one input takes it bare, one of several takes a list."""
    return parts[0] if len(parts) == 1 else parts


def flat(outputs: Any) -> list[np.ndarray]:
    return [np.array(ops.convert_to_numpy(ops.cast(y, "float32"))) for y in keras.tree.flatten(outputs)]


def floating(outputs: Any) -> list[Any]:
    return [y for y in keras.tree.flatten(outputs) if keras.backend.is_float_dtype(y.dtype)]


def dtypes(tensors: Iterable[Any]) -> set[str]:
    return {keras.backend.standardize_dtype(x.dtype) for x in tensors}


def by_name(layer: Any) -> list[tuple[str, np.ndarray]]:
    return [(weight.name, flat(weight)[0]) for weight in layer.weights]


def moved(before: list[tuple[str, np.ndarray]], after: list[tuple[str, np.ndarray]]) -> set[str]:
    pairs = zip(before, after, strict=True)
    return {name for (name, one), (_, other) in pairs if not np.array_equal(one, other)}


def weight_names(layer: Any) -> list[tuple[str, tuple[int, ...]]]:
    return [(weight.name, tuple(weight.shape)) for weight in layer.weights]


def own_methods(cls: type) -> set[str]:
    return {name for base in cls.__mro__ if base.__module__.partition(".")[0] != "keras" for name in vars(base)}


def own_parameters(cls: type) -> Iterator[inspect.Parameter]:
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            yield parameter


def as_config(name: str, value: Any) -> Any:
    """What a config must say about an argument: names of initializers and the like stand for the objects they name."""
    resolve = RESOLVE.get(name.rpartition("_")[2], lambda value: value)
    value = resolve(list(value) if isinstance(value, tuple) else value)
    return json.loads(json.dumps(keras.saving.serialize_keras_object(value)))


def seeded_initializers(row: Technique) -> dict[str, Any]:
    """The row's random initializers, each replaced by a seeded one."""
    return {name: keras.initializers.RandomNormal(seed=seed) for seed, name in enumerate(random_initializers(row))}


def random_initializers(row: Technique) -> list[str]:
    """The arguments that are random initializers."""
    defaults = {parameter.name: parameter.default for parameter in own_parameters(row.cls)}
    initializers = {k: v for k, v in {**defaults, **row.arguments}.items() if k.rpartition("_")[2] == "initializer"}
    return [k for k, v in initializers.items() if v is not None and "seed" in keras.initializers.get(v).get_config()]


def error_text(function: Callable[[], Any]) -> str:
    try:
        function()
    except ValueError as error:
        text = str(error)
    else:
        raise AssertionError("no ValueError was raised")
    assert "Received" in text, f"'Received' not in: {text}"
    return text


def all_equal(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    return len(found) == len(expected) and all(map(np.array_equal, found, expected))


def assert_close(found: list[np.ndarray], expected: list[np.ndarray], noise: float = 0.0) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=FLOAT32, atol=FLOAT32 * np.nanmax(np.abs(other)) + noise)


def assert_compiles(row: Technique, *, training: bool, random: bool) -> None:
    """Compiled and eager agree, in what they move too.

    But frameworks draw other numbers when compiled, which need only be finite. A layer that draws has no seed here, as
    torch cannot compile a seeded draw.
    """
    layer = built(row, **({"seed": None} if random else {}))
    outputs, gradients = compiled = differentiate(layer, row, training=training, jit=True)
    if random:
        assert all(np.all(np.isfinite(value)) for value in [*outputs, *dict(gradients).values()])
        return
    eager = built(row)
    assert_same_step(compiled, differentiate(eager, row, training=training))
    assert_close(flat(layer.non_trainable_weights), flat(eager.non_trainable_weights))


def assert_same_step(found: Step, expected: Step) -> None:
    """A gradient that cancels out, as of a bias before batch normalization, is the rounding noise of the others."""
    assert_close(found[0], expected[0])
    noise = NOISE * max((np.nanmax(np.abs(g)) for _, g in expected[1] if g is not None), default=0.0)
    for (_, one), (name, other) in zip(found[1], expected[1], strict=True):
        assert (one is None) == (other is None), f"{name} has a gradient in one mode only"
        if one is not None:
            assert_close([one], [other], noise)
