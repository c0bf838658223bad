"""What of the user's own can change what a framework computes, or how fast, in one line. Imports Keras."""

import shlex
from collections.abc import Mapping

import keras


def told(variables: Mapping[str, str]) -> str:
    """Returns the variables, as `backends.environment.surroundings` finds them, and what keras.json has changed."""
    return shlex.join(f"{name}={value}" for name, value in {**variables, **_keras_settings()}.items())


def _keras_settings() -> dict[str, str]:
    usual = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
    found = {name: getattr(keras.config, name)() for name in usual}
    return {f"keras.json {name}": str(value) for name, value in found.items() if value != usual[name]}
