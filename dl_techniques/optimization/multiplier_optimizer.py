from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from dl_techniques._checks import check_numbers
from dl_techniques._serialization import serializable
from dl_techniques.optimization.scaled_schedule import ScaledSchedule


class _Groups:
    """What `MultiOptimizer` asks for the optimizer of a weight."""

    def __init__(self, optimizers: list[keras.optimizers.Optimizer]) -> None:
        self.optimizers = optimizers
        self.optimizer_of: dict[int, keras.optimizers.Optimizer] = {}

    def values(self) -> list[keras.optimizers.Optimizer]:
        return self.optimizers

    def __call__(self, weight: keras.Variable) -> keras.optimizers.Optimizer:
        return self.optimizer_of[id(weight)]


@serializable
class MultiplierOptimizer(keras.optimizers.MultiOptimizer):
    """An optimizer with a learning rate of its own for each group of weights.

    For layer-wise decay, for a head that learns faster than its body, and for freezing; see `build_lr_multipliers`.
    It is Keras' `MultiOptimizer` with a copy of one optimizer for each multiplier. Keras finds the weights by their
    paths, which are others when a sequential or a subclassed model is loaded; here they are found by their place, so
    that training goes on where it was. And gradients are clipped by the norm of all that move, not of each group.

    The copies stand in `optimizers`, in the order of their first weight. A learning rate is read and set there;
    `learning_rate` of the whole is an error, and Keras' callbacks know that. A multiplier of 0 freezes, weight decay
    included, and keeps no statistics. The gradients of frozen weights are still computed; where that is too dear,
    set `trainable` of their layers to False before the model is compiled.

    Args:
        optimizer: a Keras optimizer that wraps no other. It is copied, and stays as it is. What was excluded from its
            weight decay is not copied: call `exclude_from_weight_decay` of each copy.
        multipliers: a list of floats >= 0, one for each trainable weight of the model, in its order.

    Example:

    >>> dense = keras.layers.Dense
    >>> model = keras.Sequential([keras.Input((3,)), dense(4, name="body"), dense(2, name="head")])
    >>> optimizer = MultiplierOptimizer(keras.optimizers.Adam(1e-3), [0.1, 0.1, 1.0, 1.0])
    >>> [round(float(part.learning_rate), 6) for part in optimizer.optimizers]
    [0.0001, 0.001]
    >>> model.compile(optimizer, "mse")

    References:
        - Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", arXiv:1801.06146
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, multipliers: Sequence[float], *, name: str | None = None
    ) -> None:
        refused = (keras.optimizers.MultiOptimizer, keras.optimizers.LossScaleOptimizer)
        if not isinstance(optimizer, keras.optimizers.Optimizer) or isinstance(optimizer, refused):
            raise ValueError(
                f"`optimizer` must be a Keras optimizer that wraps no other. Received: optimizer={optimizer!r}"
            )
        scaled = optimizer.loss_scale_factor is not None or optimizer.gradient_accumulation_steps
        if optimizer.global_clipnorm is not None and scaled:
            raise ValueError(
                "`global_clipnorm` goes with neither `loss_scale_factor` nor `gradient_accumulation_steps` here. "
                f"Received: optimizer={optimizer!r} with {optimizer.get_config()}"
            )
        check_numbers(multipliers=multipliers)
        if min(multipliers) < 0:
            raise ValueError(f"`multipliers` must be >= 0. Received: multipliers={multipliers!r}")
        distinct = [*dict.fromkeys(multipliers)]
        copies = [_copy(optimizer, factor, f"{optimizer.name}_{index}") for index, factor in enumerate(distinct)]
        groups = _Groups(copies)
        super().__init__(groups, loss_scale_factor=optimizer.loss_scale_factor, name=name)
        self.optimizer = optimizer
        self.multipliers = multipliers
        self._groups = groups

    def build(self, var_list):
        if self.built:
            return
        if len(var_list) != len(self.multipliers):
            raise ValueError(
                f"There must be a multiplier for each of the {len(var_list)} trainable weights. "
                f"Received: {len(self.multipliers)} multipliers"
            )
        distinct = [*dict.fromkeys(self.multipliers)]
        for weight, multiplier in zip(var_list, self.multipliers, strict=True):
            self._groups.optimizer_of[id(weight)] = self._groups.optimizers[distinct.index(multiplier)]
        super().build(var_list)

    def apply(self, grads, trainable_variables=None):
        """Where the framework has no gradient it is zero, as on JAX: Keras refuses a group that has none at all."""
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            pairs = zip(grads, trainable_variables, strict=True)
            grads = [ops.zeros(weight.shape, dtype=weight.dtype) if grad is None else grad for grad, weight in pairs]
        super().apply(self._clipped(grads), trainable_variables)

    def _clipped(self, grads):
        longest = self.optimizer.global_clipnorm
        if longest is None:
            return grads
        moving = [grad for grad, multiplier in zip(grads, self.multipliers, strict=True) if multiplier > 0]
        norm = ops.sqrt(sum(ops.sum(ops.square(ops.cast(_dense(grad), "float32"))) for grad in moving))
        return [ops.multiply(grad, ops.cast(longest / ops.maximum(norm, longest), grad.dtype)) for grad in grads]

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer": keras.saving.serialize_keras_object(self.optimizer),
            "multipliers": [*self.multipliers],
            "name": self.name,
        }


def _dense(grad):
    """TensorFlow's gradient of an embedding has a slice for each token; those of one row are added up first."""
    if keras.config.backend() != "tensorflow":
        return grad
    return ops.add(grad, ops.zeros(grad.shape, dtype=grad.dtype))


def _copy(optimizer: keras.optimizers.Optimizer, multiplier: float, name: str) -> keras.optimizers.Optimizer:
    if multiplier == 0:
        return keras.optimizers.SGD(0.0, name=name)
    config = {**optimizer.get_config(), "name": name, "global_clipnorm": None}
    if isinstance(config["learning_rate"], dict):
        schedule = keras.optimizers.schedules.deserialize(config["learning_rate"])
        config["learning_rate"] = ScaledSchedule(schedule, multiplier)
    else:
        config["learning_rate"] = multiplier * config["learning_rate"]
    return type(optimizer).from_config(config)
