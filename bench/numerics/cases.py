"""One technique as all backends take it: the same inputs, cotangents and weights, drawn once."""

import importlib
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from bench.numerics.large import LARGE
from bench.numerics.row import OF_FRAMEWORKS, Row
from bench.numerics.run_folder import Settings
from dl_techniques.catalogue import TECHNIQUES, losses, metrics

Arrays = dict[str, np.ndarray]

INPUT, COTANGENT, WEIGHT = "input", "cotangent", "weight"


class Subject:
    """A technique as the adapters take it: inputs by position; its one output, or a tuple of several.

    What is no float, an index for example, is taken as one. A loss gives its values before they are reduced, a metric
    what it says of one batch.
    """

    def __init__(self, row: Row, dtype: str):
        keras.utils.clear_session()  # or names that Keras numbers would depend on what was built before
        keras.config.disable_traceback_filtering()  # so that a failure's reason is its own text
        keras.config.set_dtype_policy(dtype)  # for sublayers that are not told
        self.is_layer = issubclass(row.cls, keras.layers.Layer)
        self.is_loss = issubclass(row.cls, keras.losses.Loss)
        self.is_metric = issubclass(row.cls, keras.metrics.Metric)
        self.dtype = dtype
        options = (
            {"name": row.name, "dtype": dtype} if self.is_layer else {"reduction": "none"} if self.is_loss else {}
        )
        self.target = row.make(**options)
        self.input_dtypes = [integers[0] if integers else dtype for integers in row.integers_of_inputs()]
        self.output_shapes = self.shapes_of_outputs(row.inputs)
        self.weights = self._floating_weights(row.name)

    @property
    def trainable_variables(self) -> list[Any]:
        return self.target.trainable_variables if self.is_layer else []

    @property
    def non_trainable_variables(self) -> list[Any]:
        if self.is_metric:
            return self.target.variables
        return self.target.non_trainable_variables if self.is_layer else []

    def __call__(self, *inputs: Any, training: bool) -> Any:
        outputs = self._outputs(inputs, training)
        found = tuple(map(self._as_float, keras.tree.flatten(outputs)))
        return found[0] if len(found) == 1 else found

    def _outputs(self, inputs: Sequence[Any], training: bool) -> Any:
        if self.is_loss:
            return self.target(inputs[0], _bare(inputs[1:]))
        if self.is_metric:
            y_true, *y_pred = map(ops.stop_gradient, inputs)
            self.target.reset_state()
            self.target.update_state(y_true, _bare(y_pred))
            return keras.tree.map_structure(lambda x: ops.cast(x, self.dtype), self.target.result())
        return self.target(_bare(inputs), **({"training": training} if self.is_layer else {}))

    def _as_float(self, output: Any) -> Any:
        if keras.backend.is_float_dtype(output.dtype):
            return output
        return ops.cast(output, "float64" if self.dtype == "float64" else "float32")

    def load(self, case: Arrays) -> None:
        """Gives the weights the values of the case, by path."""
        wanted = {name.removeprefix(f"{WEIGHT} ") for name in case if name.startswith(f"{WEIGHT} ")}
        if wanted != set(self.weights):
            unknown = ", ".join(sorted(wanted ^ set(self.weights)))
            raise ValueError(f"the weights differ from those of the case: {unknown}")
        for path, variable in self.weights.items():
            variable.assign(case[f"{WEIGHT} {path}"])

    def shapes_of_outputs(self, shapes: Sequence[Any]) -> list[tuple[int, ...]]:
        """For inputs of these shapes. A symbolic call of a layer builds everything and computes nothing."""
        if self.is_layer:
            make = zip(shapes, self.input_dtypes, strict=True)
            inputs = [keras.Input(batch_shape=shape, dtype=dtype) for shape, dtype in make]
        else:
            inputs = [ops.ones(shape, self.dtype) for shape in shapes]
        return [tuple(y.shape) for y in keras.tree.flatten(self(*inputs, training=False))]

    def trainable_paths(self) -> list[str]:
        paths = {id(variable): path for path, variable in self.weights.items()}
        return [paths[id(variable)] for variable in self.trainable_variables]

    def _floating_weights(self, name: str) -> dict[str, Any]:
        variables = [*self.trainable_variables, *self.non_trainable_variables]
        paths: Counter[str] = Counter()
        found = {}
        for variable in variables:
            if keras.backend.is_float_dtype(variable.dtype):
                path = variable.path.removeprefix(f"{name}/")
                paths[path] += 1
                found[path if paths[path] == 1 else f"{path} {paths[path]}"] = variable
        return found


def rows(settings: Settings) -> list[Row]:
    """The techniques to compare."""
    if settings.layer:
        module, _, name = settings.layer.partition(":")
        cls = getattr(importlib.import_module(module), name)
        config, shapes = settings.config or {}, settings.input_shapes
        return [Row(cls, config, shapes, "none", integers=settings.integers, tolerances=OF_FRAMEWORKS)]
    listed = (*TECHNIQUES, *losses.TECHNIQUES, *metrics.TECHNIQUES)
    known = {row.name: row for row in (*map(Row.of, listed), *LARGE)}
    unknown = set(settings.only) - set(known)
    if unknown:
        raise ValueError(f"no technique is called {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    return [row for name, row in known.items() if not settings.only or name in settings.only]


def draw(row: Row, dtype: str) -> Arrays:
    """Inputs, cotangents and weights, rounded to `dtype`; the weights lie off their initial values.

    A layer that starts as zero or as the identity could hide anything.
    """
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(zlib.crc32(row.name.encode()))
    subject = Subject(row, "float64")
    trainable = set(subject.trainable_paths())
    shapes: list[Any] = list(row.inputs)
    draws = row.values or (lambda shape, random: random.standard_normal(shape),) * len(shapes)
    case = {f"{INPUT} {i}": draws[i](shape, random) for i, shape in enumerate(shapes)}
    for i, integers in enumerate(row.integers_of_inputs()):
        if integers:
            dtype, low, high = integers
            case[f"{INPUT} {i}"] = random.integers(low, high, shapes[i]).astype(dtype)
    case |= {f"{COTANGENT} {i}": random.standard_normal(shape) for i, shape in enumerate(subject.output_shapes)}
    for path, variable in subject.weights.items():
        if path in trainable:
            variable.assign(variable + 0.1 * random.standard_normal(variable.shape))
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))
        case[f"{WEIGHT} {path}"] = ops.convert_to_numpy(variable.value)
    return {name: rounded(value, dtype) for name, value in case.items()}


def rounded(value: np.ndarray, dtype: str) -> np.ndarray:
    """What is left of `value` in that dtype, as float32; integers stay as they are."""
    if not is_floating(value):
        return value
    return np.asarray(ops.convert_to_numpy(ops.cast(ops.cast(value, dtype), "float32")))


def is_floating(value: Any) -> bool:
    return np.issubdtype(np.asarray(value).dtype, np.floating)


def _bare(inputs: Sequence[Any]) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)


def numbered(case: Arrays, kind: str) -> list[np.ndarray]:
    return [case[name] for name in case if name.startswith(f"{kind} ") and name.removeprefix(f"{kind} ").isdigit()]
