"""Random numbers of their own for the parts of a layer that is given one initializer or one seed."""

from typing import Any

import keras

_STRIDE = 0x9E3779B1


def derived_seed(seed: int | None, index: int) -> int | None:
    """A seed for part `index` of a layer: `seed` itself for part 0, and unseeded parts stay unseeded."""
    return None if seed is None else (seed + index * _STRIDE) % 2**31


def fresh(initializer: Any, index: int = 0) -> Any:
    """A copy of `initializer` for part `index` of a layer.

    Keras initializers are stateless, so kernels of equal shape would start equal if they shared one. A copy of an
    unseeded initializer draws anew, that of a seeded one gets a derived seed.
    """
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    seed = config.get("seed")
    if isinstance(seed, dict):  # A SeedGenerator moves on by itself; a copy would start again.
        return initializer
    if seed is not None:
        config["seed"] = derived_seed(seed, index)
    return type(initializer).from_config(config)
