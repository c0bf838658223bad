from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class AccuracyLoss(AnyLoss):
    """One minus the accuracy, the share of right decisions.

    For balanced classes. Where one class is rare it is nearly satisfied by never predicting it.

    Formula: `1 - (tp + tn) / (tn + fp + fn + tp)`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(AccuracyLoss()(y_true, y_pred)), 4))
    0.2502

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "accuracy_loss"

    def score(self, tn, fp, fn, tp):
        return (tp + tn) / (tn + fp + fn + tp)
