"""One adapter a framework, all with the names of `backends.protocol`; the framework is imported with its adapter."""

import importlib
import os
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # what starts processes imports this package where nothing is installed
    from backends.protocol import Adapter

NAMES = ("tensorflow", "jax", "torch")


def active() -> "Adapter":
    """Returns the adapter of the backend that Keras runs on, named by the variable KERAS_BACKEND."""
    name = os.environ.get("KERAS_BACKEND")
    if name not in NAMES:
        raise ValueError(f"KERAS_BACKEND must be one of {', '.join(NAMES)}. Received: KERAS_BACKEND={name!r}")
    return cast("Adapter", importlib.import_module(f"backends.{name}"))
