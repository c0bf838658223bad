from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class F1Loss(AnyLoss):
    """One minus the F1 score, the harmonic mean of precision and recall.

    For rare positives, where true negatives are many and shall not count. It is the Dice loss of steep decisions.

    Formula: `1 - 2 * tp / (2 * tp + fp + fn)`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(F1Loss()(y_true, y_pred)), 4))
    0.2002

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "f1_loss"

    def score(self, tn, fp, fn, tp):
        return 2 * tp / (2 * tp + fp + fn)
