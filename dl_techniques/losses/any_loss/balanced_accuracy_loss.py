from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class BalancedAccuracyLoss(AnyLoss):
    """One minus the mean of sensitivity and specificity.

    For imbalanced classes that both matter. Other than the geometric mean it lets one rate make up for the other.
    On batches with as many positives as negatives it equals the accuracy loss.

    Formula: `1 - (tp / (tp + fn) + tn / (tn + fp)) / 2`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(BalancedAccuracyLoss()(y_true, y_pred)), 4))
    0.2502

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "balanced_accuracy_loss"

    def score(self, tn, fp, fn, tp):
        return (tp / (tp + fn) + tn / (tn + fp)) / 2
