from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class GeometricMeanLoss(AnyLoss):
    """One minus the geometric mean of sensitivity and specificity.

    For imbalanced classes that both matter: it is small only where both rates are high, however rare a class is.
    Where one rate is 0, the score is not quite: it is of the order of `sqrt(1e-7)`.

    Formula: `1 - sqrt(tp / (tp + fn) * tn / (tn + fp))`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(GeometricMeanLoss()(y_true, y_pred)), 4))
    0.293

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "gmean_loss"

    def score(self, tn, fp, fn, tp):
        return ops.sqrt(tp / (tp + fn) * (tn / (tn + fp)))
