"""What Keras' layers get wrong wherever a layer has parts, or is given whole numbers; `@serializable` mends it.

- A part that is created in `__init__`, or in the `build` of a layer that is frozen, is not frozen with it.
- A config does not say which parts are frozen or quantized, so that a saved model loses it or cannot be loaded.
- Inputs of whole numbers and booleans stay what they are, and what is computed from them is cut to whole numbers.
  A variable of TensorFlow stays a variable, which not every operation takes.
"""

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops


def mend(cls: type[keras.layers.Layer]) -> None:
    cls.__init__ = _freezing_parts(cls.__init__)
    if not hasattr(cls.build, "_is_default"):  # Keras' mark of a method that nobody has overridden.
        cls.build = _telling_new_parts(cls.build)
    cls.call = _given_floats(cls.call)


def state_of_parts(layer: keras.layers.Layer) -> dict[str, dict[str, Any]]:
    """What the arguments do not tell of the parts: which are quantized, which are frozen or not by themselves."""
    told = {}
    for path, part, owner in _parts(layer):
        state = {}
        if part.trainable != owner.trainable:
            state["trainable"] = part.trainable
        if part.quantization_mode is not None:
            state["dtype"] = keras.saving.serialize_keras_object(part.dtype_policy)
            state["quantization_config"] = keras.saving.serialize_keras_object(part.quantization_config)
        if state:
            told[path] = state
    return told


def tell_parts(layer: keras.layers.Layer, told: dict[str, dict[str, Any]]) -> None:
    """Puts the parts into that state: those that `build` is to create as soon as they are there."""
    parts = {path: part for path, part, _ in _parts(layer)}
    for path, state in told.items():
        if path in parts:
            _tell(parts[path], **state)
    layer._untold_parts = {path: state for path, state in told.items() if path not in parts}


def _tell(part: keras.layers.Layer, trainable=None, dtype=None, quantization_config=None) -> None:
    if trainable is not None:
        part.trainable = trainable
    if dtype is not None:
        part.quantization_config = keras.saving.deserialize_keras_object(quantization_config)
        part.dtype_policy = keras.saving.deserialize_keras_object(dtype)


def _parts(layer: keras.layers.Layer, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Each part with its path of names below the layer and the layer that it is a part of; owners come first."""
    for part in layer._layers:
        path = prefix + part.name
        yield path, part, layer
        yield from _parts(part, f"{path}/")


def _freezing_parts(init: Callable) -> Callable:
    @functools.wraps(init)
    def wrapper(self, *args, **kwargs):
        init(self, *args, **kwargs)
        _freeze_parts(self)

    wrapper.__signature__ = inspect.signature(init)  # type: ignore[attr-defined]  # Keras reads it without unwrapping.
    return wrapper


def _telling_new_parts(build: Callable) -> Callable:
    @functools.wraps(build)
    def wrapper(self, *args, **kwargs):
        before = list(self._layers)
        build(self, *args, **kwargs)
        _freeze_parts(self, but=before)
        if getattr(self, "_untold_parts", None):
            tell_parts(self, self._untold_parts)

    return wrapper


def _freeze_parts(layer: keras.layers.Layer, but: list[keras.layers.Layer] | None = None) -> None:
    for part in [] if layer.trainable else layer._layers:
        if all(part is not other for other in but or []):
            part.trainable = False


def _given_floats(call: Callable) -> Callable:
    @functools.wraps(call)
    def wrapper(self, inputs, *args, **kwargs):
        return call(self, _floats(inputs, self), *args, **kwargs)

    return wrapper


def _floats(inputs, layer: keras.layers.Layer):
    """Whole numbers and booleans in the layer's dtype, variables as tensors, anything else unchanged."""
    if isinstance(inputs, list | tuple):
        return [_floats(x, layer) for x in inputs]
    if hasattr(inputs, "read_value"):
        inputs = inputs.read_value()
    dtype = keras.backend.standardize_dtype(inputs.dtype)
    return inputs if dtype.startswith(_NOT_WHOLE) else ops.cast(inputs, layer.compute_dtype)


_NOT_WHOLE = ("float", "bfloat", "complex")
