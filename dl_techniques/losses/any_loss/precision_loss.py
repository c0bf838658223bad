from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class PrecisionLoss(AnyLoss):
    """One minus the precision, the share of the predicted positives that are positive.

    For when a false alarm is what costs. Alone it is content with the few surest positives, so give it a partner, as
    in `WeightedCrossEntropyWithAnyLoss`, or take `FBetaLoss` with a `beta` below 1.

    Formula: `1 - tp / (tp + fp)`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(PrecisionLoss()(y_true, y_pred)), 4))
    0.3334

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "precision_loss"

    def score(self, tn, fp, fn, tp):
        return tp / (tp + fp)
