import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from dl_techniques._checks import check_fraction, check_non_negative, check_number


def build_lr_multipliers(
    model: keras.Model, rules: Mapping[str, float] | None = None, *, decay: float | None = None
) -> list[float]:
    """By what the learning rate of each trainable weight of a model is multiplied, for `MultiplierOptimizer`.

    Either by rules, or decaying from the last layer to the first: the early layers of a network that was trained
    before are general, and should move least. With `decay` a weight has `decay^(depth_max - depth)`. The depth counts
    the layers that have trainable weights, in the order of `model.layers`, with those of a model inside in its place
    and any other composite layer as one. Weights that belong to no layer but to a model have depth 0.

    Args:
        model: a built model.
        rules: patterns for the whole path of a weight (`re.fullmatch`), without the name of the model, each with a
            number >= 0, where 0 freezes. The first that fits counts, and where none does it is 1.
        decay: float in (0, 1]; 1 / 2.6 in ULMFiT, 0.65 to 0.9 for transformers.

    Returns:
        A number for each of `model.trainable_weights`.

    Raises:
        ValueError: there are both or neither of `rules` and `decay`, one is out of range, a rule fits no weight, or
            the model has no trainable weights.

    Example:

    >>> dense = keras.layers.Dense
    >>> model = keras.Sequential([keras.Input((3,)), dense(4, name="body"), dense(2, name="head")])
    >>> build_lr_multipliers(model, decay=0.5)
    [0.5, 0.5, 1.0, 1.0]
    >>> build_lr_multipliers(model, {".*/bias": 2.0, "body/.*": 0.0})
    [0.0, 2.0, 1.0, 2.0]

    References:
        - Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", arXiv:1801.06146
        - Clark et al., "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators",
          arXiv:2003.10555
    """
    if (rules is None) == (decay is None):
        raise ValueError(f"There must be one of `rules` and `decay`. Received: rules={rules!r}, decay={decay!r}")
    weights = model.trainable_weights
    if not weights:
        raise ValueError(f"The model must be built, and have trainable weights. Received: model={model!r}")
    if decay is None:
        return _by_rules([weight.path.removeprefix(f"{model.name}/") for weight in weights], rules)
    check_fraction(decay=decay)
    layers = [*dict.fromkeys(_layers(model))]
    depths: dict[int, int] = {}
    for depth, layer in enumerate(layers):
        for weight in layer.trainable_weights:
            depths.setdefault(id(weight), depth)
    deepest = max(len(layers) - 1, 0)
    return [float(decay ** (deepest - depths.get(id(weight), 0))) for weight in weights]


def _by_rules(paths: list[str], rules: Any) -> list[float]:
    if not isinstance(rules, Mapping):
        raise ValueError(f"`rules` must be a dictionary of patterns and numbers. Received: rules={rules!r}")
    multipliers: dict[int, float] = {}
    for pattern, multiplier in rules.items():
        found = [index for index, path in enumerate(paths) if _fits(pattern, path)]
        if not found:
            raise ValueError(f"A rule must fit the path of a weight. Received: {pattern!r}, paths={paths}")
        check_number(**{pattern: multiplier})
        check_non_negative(**{pattern: multiplier})
        for index in found:
            multipliers.setdefault(index, float(multiplier))
    return [multipliers.get(index, 1.0) for index in range(len(paths))]


def _fits(pattern: str, path: str) -> bool:
    try:
        return re.fullmatch(pattern, path) is not None
    except (re.error, TypeError) as error:
        raise ValueError(f"A rule must be a regular expression: {error}. Received: {pattern!r}") from error


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif layer.trainable_weights:
            yield layer
