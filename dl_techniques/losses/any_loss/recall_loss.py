from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class RecallLoss(AnyLoss):
    """One minus the recall, the share of the positives that are found; also called sensitivity.

    For when a miss is what costs. Alone it is content with calling everything positive, so give it a partner, as in
    `WeightedCrossEntropyWithAnyLoss`, or take `FBetaLoss` with a `beta` above 1.

    Formula: `1 - tp / (tp + fn)`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(RecallLoss()(y_true, y_pred)), 4))
    0.0003

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "recall_loss"

    def score(self, tn, fp, fn, tp):
        return tp / (tp + fn)
