from collections.abc import Mapping
from typing import Any

import keras

from dl_techniques._serialization import serializable
from dl_techniques.optimization.deep_supervision_schedule_builder import deep_supervision_schedule_builder


@serializable
class DeepSupervisionWeights(keras.callbacks.Callback):
    """Sets the weights of the losses of a model's outputs at the beginning of each epoch of `fit`.

    The `loss_weights` of `compile` are fixed. This moves a weight of the model instead, which is not trainable, has
    a number for each output, and is read by the model in `compute_loss`. It is saved with the model.

    The progress is `epoch / (epochs - 1)`: 0 in the first epoch, 1 in the last one, 0 in a single one. It follows from
    the number of the epoch alone, so a training that was cut goes on with `fit(initial_epoch=...)`.

    Args:
        schedule: a dictionary for `deep_supervision_schedule_builder`.
        attribute: name of the model's attribute that holds the weight.
        order: `"deepest_first"` or `"main_first"`, the order of the model's outputs.

    Example:

    >>> class Supervised(keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.coarse, self.fine = keras.layers.Dense(1), keras.layers.Dense(1)
    ...         self.deep_supervision_weights = self.add_weight(
    ...             shape=(2,), initializer="ones", trainable=False, name="deep_supervision_weights"
    ...         )
    ...
    ...     def call(self, inputs):
    ...         return [self.coarse(inputs), self.fine(inputs)]
    ...
    ...     def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
    ...         losses = [keras.losses.MeanSquaredError()(y, output) for output in y_pred]
    ...         return keras.ops.sum(self.deep_supervision_weights * keras.ops.stack(losses))
    >>> model = Supervised()
    >>> model.compile("sgd")
    >>> callback = DeepSupervisionWeights({"type": "linear_low_to_high"})
    >>> x = keras.ops.ones((4, 3))
    >>> history = model.fit(x, x[:, :1], epochs=3, verbose=0, callbacks=[callback])
    >>> print(keras.ops.convert_to_numpy(model.deep_supervision_weights).round(3))
    [0.333 0.667]

    References:
        - Lee et al., "Deeply-Supervised Nets", arXiv:1409.5185
    """

    def __init__(
        self,
        schedule: Mapping[str, Any],
        attribute: str = "deep_supervision_weights",
        *,
        order: str = "deepest_first",
    ) -> None:
        super().__init__()
        deep_supervision_schedule_builder(schedule, 1, order=order)
        if not isinstance(attribute, str) or not attribute.isidentifier():
            raise ValueError(f"`attribute` must be the name of an attribute. Received: attribute={attribute!r}")
        self.schedule = schedule
        self.attribute = attribute
        self.order = order

    def on_epoch_begin(self, epoch, logs=None):
        weights = getattr(self.model, self.attribute, None)
        if not isinstance(weights, keras.Variable) or weights.trainable or len(weights.shape) != 1:
            raise ValueError(
                "The model must have a weight of rank 1, not trainable, as the attribute that `attribute` names. "
                f"Received: attribute={self.attribute!r}, which is {weights!r}"
            )
        schedule = deep_supervision_schedule_builder(self.schedule, weights.shape[0], order=self.order)
        weights.assign(schedule(epoch / max(self.params["epochs"] - 1, 1)))
