import abc

import keras
from keras import ops

from dl_techniques._checks import check_number, check_positive, check_same_shape
from dl_techniques._precision import at_least_float32, unit_interval
from dl_techniques._serialization import serializable

_EPSILON = 1e-7


@serializable
class AnyLoss(keras.losses.Loss, abc.ABC):
    """Makes a loss of any score that is computed from a binary confusion matrix: the base of the losses of this room.

    A subclass says in `score` what the score is. For classification where that score is what counts, and cross
    entropy does not serve it: rare positives above all. Classes must be two, in one output.

    A step from 0 to 1 that decides for each prediction would have no gradient. A steep sigmoid takes its place, so the
    four counts of the confusion matrix are sums of fractions.

    Formula, computed in float32 at least: `loss = 1 - score(tn, fp, fn, tp)` with `a = sigmoid(L * (p - 0.5))`, and
    sums over all elements of the batch

    - `tn = sum((1 - y) * (1 - a)) + 1e-7`
    - `fp = sum((1 - y) * a) + 1e-7`
    - `fn = sum(y * (1 - a)) + 1e-7`
    - `tp = sum(y * a) + 1e-7`

    where `y` is the target, `p` the probability of class 1, and `L` the amplifying scale.

    It gives one number for the batch, so batches should be large enough to hold both classes. Sample weights scale it
    as a whole, and steps that Keras' padding mask hides count. What is zero over zero, as the recall in a batch
    without positives, becomes 1/2, since only 1e-7 is left of each count. That keeps gradients finite too; where the
    model is sure, rightly or wrongly, they are nearly zero.

    A subclass without arguments of its own needs no `get_config`; to be saved with a model it is registered by
    `keras.saving.register_keras_serializable`, as any loss.

    Args:
        amplifying_scale: float > 0, the steepness `L`; at `p = 0.5` the slope is `L / 4`. 73 is the paper's value.
        from_logits: bool, whether `y_pred` are logits, of which `p` is the sigmoid. Otherwise they are `p`.

    Shapes:
        `y_true` and `y_pred` have the same shape, any: `(batch, 1)` both, if the model ends in `Dense(1)`. Targets
        are 0, 1 or between; what is outside counts as the nearest of the two. The result is a scalar, whatever the
        `reduction`.

    Example:

    >>> class YoudenLoss(AnyLoss):
    ...     def score(self, tn, fp, fn, tp):
    ...         return tp / (tp + fn) + tn / (tn + fp) - 1.0
    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(YoudenLoss()(y_true, y_pred)), 4))
    0.5003

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name: str | None = None

    def __init__(
        self,
        amplifying_scale: float = 73.0,
        from_logits: bool = False,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(name=name or self._default_name, reduction=reduction, **kwargs)
        check_number(amplifying_scale=amplifying_scale)
        check_positive(amplifying_scale=amplifying_scale)
        self.amplifying_scale = amplifying_scale
        self.from_logits = from_logits

    @abc.abstractmethod
    def score(self, tn, fp, fn, tp):
        """The score, best at 1, of four positive scalars: true and false negatives and positives."""

    def approximate(self, y_pred):
        """Returns for each prediction how much of it counts as class 1: `sigmoid(L * (p - 0.5))`."""
        y_pred = at_least_float32(y_pred)
        probability = ops.sigmoid(y_pred) if self.from_logits else y_pred
        return ops.sigmoid(self.amplifying_scale * (probability - 0.5))

    def compute_confusion_matrix(self, y_true, y_pred):
        """Returns `(tn, fp, fn, tp)`, in scikit-learn's order."""
        check_same_shape(y_true, y_pred)
        positive = unit_interval(at_least_float32(y_true))
        decided = self.approximate(y_pred)
        products = [target * decision for target in (1 - positive, positive) for decision in (1 - decided, decided)]
        return tuple(ops.sum(product) + _EPSILON for product in products)

    def call(self, y_true, y_pred):
        return 1.0 - self.score(*self.compute_confusion_matrix(y_true, y_pred))
