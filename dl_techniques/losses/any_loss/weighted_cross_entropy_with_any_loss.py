import keras
from keras import ops

from dl_techniques._checks import check_share
from dl_techniques._precision import at_least_float32, unit_interval
from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss

_EPSILON = 1e-7


@serializable
class WeightedCrossEntropyWithAnyLoss(keras.losses.Loss):
    """A loss made of a confusion matrix, and binary cross entropy beside it.

    The first has nearly no gradient where the model is sure and wrong; cross entropy has, and makes probabilities of
    the outputs. For the first steps of training, for losses that one class alone can satisfy, and for small batches.

    Formula, computed in float32 at least: `alpha * anyloss(y, p) + (1 - alpha) * BCE(y, p)` with
    `BCE = -mean(y * log(p) + (1 - y) * log(1 - p))` over all elements of the batch, where `p` is kept within
    `[1e-7, 1 - 1e-7]`. Logits need no such limits.

    It gives one number for the batch, as `AnyLoss` does; sample weights scale it as a whole.

    Args:
        anyloss: an instance of `AnyLoss`. Whether predictions are logits is its `from_logits`; its own reduction and
            dtype are not used.
        alpha: float in [0, 1], the weight of `anyloss`.

    Shapes:
        `y_true` and `y_pred` have the same shape, any. The result is a scalar.

    Example:

    >>> from dl_techniques.losses import F1Loss
    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> loss = WeightedCrossEntropyWithAnyLoss(F1Loss(), alpha=0.25)
    >>> print(round(float(loss(y_true, y_pred)), 4))
    0.4332

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    def __init__(
        self,
        anyloss: AnyLoss,
        alpha: float = 0.5,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "weighted_cross_entropy_with_any_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        if not isinstance(anyloss, AnyLoss):
            raise ValueError(f"`anyloss` must be an instance of AnyLoss. Received: anyloss={anyloss!r}")
        check_share(alpha=alpha)
        self.anyloss = anyloss
        self.alpha = alpha

    def call(self, y_true, y_pred):
        anyloss = self.anyloss.call(y_true, y_pred)
        return self.alpha * anyloss + (1 - self.alpha) * self._cross_entropy(y_true, y_pred)

    def _cross_entropy(self, y_true, y_pred):
        positive, y_pred = unit_interval(at_least_float32(y_true)), at_least_float32(y_pred)
        if self.anyloss.from_logits:
            log_p, log_q = ops.log_sigmoid(y_pred), ops.log_sigmoid(-y_pred)
        else:
            p = ops.clip(y_pred, _EPSILON, 1 - _EPSILON)
            log_p, log_q = ops.log(p), ops.log(1 - p)
        terms = positive * log_p + (1 - positive) * log_q
        return -ops.sum(terms) / ops.cast(ops.maximum(ops.size(terms), 1), terms.dtype)
