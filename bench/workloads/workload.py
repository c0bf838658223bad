"""A workload: one layer, or one loss, at several sizes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from backends.protocol import Model

Size = Mapping[str, int]
Shape = tuple[int, ...]
Draw = Callable[[Shape, np.random.Generator], np.ndarray]


@dataclass(frozen=True, eq=False)
class Workload:
    """One layer at several sizes.

    Args:
        name: how results call it; unique.
        family: "attention", "normalization", "convolution", "feed-forward", "embedding", "regularization" or one of
            your own.
        layer: makes the layer for a size, or the loss. The dtype policy of the case is the global one while it runs.
        inputs: shapes of the layer's inputs for a size, batch included; of a loss `y_true`, then what is predicted.
        sizes: label -> numbers. Labels of a sweep look like "tokens=512"; "cpu" and "gpu" are for that device only.
        flops: floating-point operations of one forward pass for a size; a multiply-add counts as two.
        integers: where an input holds integers, an entry for each: None for those that do not, else its dtype, its
            lowest value and the first that is too high: ("int32", 0, 100) for token ids, ("bool", 0, 2) for a mask.
        values: where an input is neither integers nor normally distributed, an entry for each: None for those that
            are, else what draws it, as in `dl_techniques.catalogue.values`.
        native: name of the workload with the native counterpart of this layer.
        core: for native workloads, the function of `backends.native` that computes what `layer` computes.
        options: keyword arguments of `core`.
        outside: whether `layer` makes no layer but a function of NumPy arrays: a yardstick that is no framework's.
            Its forward pass is measured on the CPU, and is the same in every mode.
    """

    name: str
    family: str
    layer: Callable[[Size], Any]
    inputs: Callable[[Size], list[Shape]]
    sizes: Mapping[str, Size]
    flops: Callable[[Size], float] | None = None
    integers: Sequence[tuple[str, int, int] | None] = ()
    values: Sequence[Draw | None] = ()
    native: str | None = None
    core: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    outside: bool = False

    def make(self, size: Size) -> Any:
        """The layer, not built, of a loss too."""
        made = self.layer(size)
        return Objective(made) if isinstance(made, keras.losses.Loss) else made

    def build(self, size: Size, dtype: str, native) -> tuple[Model, str]:
        """Returns the built model and the technique's name; `native` is the module of native cores."""
        if self.outside:
            return self.layer(size), f"outside.{self.name}"
        keras.utils.set_random_seed(0)
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(dtype)
        try:
            layer = self.make(size)
            if not layer.built:
                layer.build(*self.inputs(size))
        finally:
            keras.config.set_dtype_policy(before)
        if self.core is None:
            cls = type(layer.loss if isinstance(layer, Objective) else layer)
            origin = "keras." if cls.__module__.startswith("keras.") else ""
            return layer, origin + cls.__name__
        weights = [np.asarray(keras.ops.convert_to_numpy(w), "float32") for w in layer.weights]
        return getattr(native, self.core)(weights, dtype, **self.options), f"native.{self.core}"


class Objective(keras.layers.Layer):
    """A loss as a layer of its target and predictions; what it gives is one number. No gradient reaches the target."""

    def __init__(self, loss: keras.losses.Loss):
        super().__init__()
        self.loss = loss
        self.built = True

    def call(self, y_true, *y_pred, training=None):
        return self.loss(keras.ops.stop_gradient(y_true), y_pred[0] if len(y_pred) == 1 else list(y_pred))

    def compute_output_shape(self, *shapes):
        return ()
