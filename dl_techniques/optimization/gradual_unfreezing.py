from collections.abc import Sequence

import keras

from dl_techniques._checks import check_numbers, check_positive_int
from dl_techniques._serialization import serializable


@serializable
class GradualUnfreezing(keras.callbacks.Callback):
    """Fine-tunes the last layers first, then more and more of those before them.

    A new head sends large gradients into layers that were trained before, which forget what they know. So in the first
    epoch only the last group of weights moves, in the next one the last two, and so on. With a learning rate for each
    group this is discriminative fine-tuning.

    The groups are those of a `MultiplierOptimizer`: a closed one has the learning rate 0, and neither gradients nor
    weight decay move its weights. So the model stays compiled, on each backend. (Keras' own switch, `trainable`,
    cannot be turned inside of `fit`: JAX raises an error, and TensorFlow does not see it.) Unlike with `trainable`,
    gradients are computed for all weights, an optimizer with moments collects them for a closed group too, and layers
    like batch normalization go on collecting statistics.

    What is open follows from the number of the epoch alone, so a training that was cut goes on with
    `fit(initial_epoch=...)`.

    Args:
        learning_rates: a list of floats > 0, one for each of the optimizer's `optimizers`; the last is opened first.
        epochs_per_group: int >= 1, after how many epochs the next group is opened.

    Example:

    >>> from dl_techniques.optimization import MultiplierOptimizer, build_lr_multipliers
    >>> dense = keras.layers.Dense
    >>> model = keras.Sequential([keras.Input((3,)), dense(4, name="body"), dense(2, name="head")])
    >>> sgd = keras.optimizers.SGD(0.1)
    >>> model.compile(MultiplierOptimizer(sgd, build_lr_multipliers(model, decay=0.5)), "mse")
    >>> before = model.get_weights()
    >>> callback = GradualUnfreezing([0.05, 0.1])
    >>> history = model.fit(keras.ops.ones((4, 3)), keras.ops.ones((4, 2)), verbose=0, callbacks=[callback])
    >>> [bool((new != old).any()) for new, old in zip(model.get_weights(), before)]
    [False, False, True, True]

    References:
        - Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", arXiv:1801.06146
    """

    def __init__(self, learning_rates: Sequence[float], epochs_per_group: int = 1) -> None:
        super().__init__()
        check_numbers(learning_rates=learning_rates)
        if min(learning_rates) <= 0:
            raise ValueError(f"`learning_rates` must be > 0. Received: learning_rates={learning_rates!r}")
        check_positive_int(epochs_per_group=epochs_per_group)
        self.learning_rates = learning_rates
        self.epochs_per_group = epochs_per_group

    def on_epoch_begin(self, epoch, logs=None):
        parts = self._optimizers()
        closed = len(parts) - 1 - epoch // self.epochs_per_group
        for index, (part, rate) in enumerate(zip(parts, self.learning_rates, strict=True)):
            part.learning_rate = rate if index >= closed else 0.0

    def _optimizers(self) -> list[keras.optimizers.Optimizer]:
        """In mixed precision Keras wraps a loss scale around the optimizer."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if not isinstance(optimizer, keras.optimizers.MultiOptimizer):
            raise ValueError(f"The model needs a `MultiplierOptimizer`. Received: optimizer={optimizer!r}")
        parts = optimizer.optimizers
        if len(parts) != len(self.learning_rates):
            raise ValueError(
                "There must be a learning rate for each of the optimizer's `optimizers`, "
                f"here {len(parts)}. Received: learning_rates={self.learning_rates!r}"
            )
        for part in parts:
            if not isinstance(part.learning_rate, keras.Variable) or isinstance(part, keras.optimizers.Ftrl):
                raise ValueError(
                    "A group is opened by its learning rate, which must be a number and not a schedule, and 0 for an "
                    f"optimizer that can take it, which Ftrl cannot. Received: optimizer={part!r}"
                )
        return [*parts]
