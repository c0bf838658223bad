"""One decorator instead of a hand-written `get_config` in every class."""

import inspect
from typing import Any, TypeVar

import keras

from dl_techniques._mended_layers import mend, state_of_parts, tell_parts

PACKAGE = "dl_techniques"

T = TypeVar("T")


def serializable(cls: type[T]) -> type[T]:
    """Registers a class under `dl_techniques` and derives its config from `__init__`.

    Every constructor argument must be kept as an attribute of the same name. The config then holds each of them
    as it was given: plain values as they are, Keras objects (layers, initializers, activations ...) serialized.
    Works alike for layers, models, losses, metrics, regularizers, initializers, constraints, learning-rate schedules
    and callbacks. A class may still write `get_config` or `from_config` itself, where the signature cannot tell.

    A layer's config has `parts` too where some are frozen or quantized otherwise than the layer, and a loss's has its
    dtype where that is not the default, which Keras forgets. And a layer is mended where Keras' are at fault: see
    `dl_techniques._mended_layers`.

    Example:

    >>> @serializable
    ... class Shift(keras.layers.Layer):
    ...     def __init__(self, offset=1.0, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.offset = offset
    ...
    ...     def call(self, inputs):
    ...         return inputs + self.offset
    >>> Shift.from_config(Shift(offset=2.5).get_config()).offset
    2.5
    """
    registered = keras.saving.get_registered_object(f"{PACKAGE}>{cls.__name__}")
    if registered is not None and registered.__module__ != cls.__module__:
        raise ValueError(
            f"Class names must be unique within {PACKAGE}, or a saved file would load the wrong class. "
            f"Received: {cls.__module__}.{cls.__name__}, already registered by {registered.__module__}"
        )
    arguments = _own_arguments(cls)
    is_layer = issubclass(cls, keras.layers.Layer)
    is_loss = issubclass(cls, keras.losses.Loss)
    if is_layer:
        mend(cls)

    def get_config(self) -> dict[str, Any]:
        config = _inherited_config(super(cls, self))
        for name in arguments:
            if not hasattr(self, name):
                raise AttributeError(f"{cls.__name__} must keep its argument '{name}' as an attribute of that name")
            config[name] = _with_lists(keras.saving.serialize_keras_object(getattr(self, name)))
        if is_loss and self.dtype != keras.config.floatx():
            config["dtype"] = self.dtype
        if is_layer and (told := state_of_parts(self)):
            config["parts"] = told
        return config

    def from_config(target: type[T], config: dict[str, Any]) -> T:
        told = config.get("parts") if is_layer else None
        arguments = {name: value for name, value in config.items() if told is None or name != "parts"}
        instance = target(**{name: keras.saving.deserialize_keras_object(value) for name, value in arguments.items()})
        if told is not None:
            tell_parts(instance, told)
        return instance

    for name, method in {"get_config": get_config, "from_config": classmethod(from_config)}.items():
        if name not in vars(cls):
            setattr(cls, name, method)
    return keras.saving.register_keras_serializable(package=PACKAGE)(cls)


def _own_arguments(cls: type) -> tuple[str, ...]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    return tuple(p.name for p in parameters if p.kind in named and p.name != "self")


def _with_lists(value: Any) -> Any:
    """Tuples as lists, which JSON makes of them anyway: a config then does not change on its way."""
    if isinstance(value, dict):
        return {name: _with_lists(part) for name, part in value.items()}
    return [_with_lists(part) for part in value] if isinstance(value, list | tuple) else value


def _inherited_config(parent) -> dict[str, Any]:
    """What the base class says; callbacks cannot be asked, and regularizers and their like raise."""
    if not hasattr(parent, "get_config"):
        return {}
    try:
        return dict(parent.get_config())
    except NotImplementedError:
        return {}
