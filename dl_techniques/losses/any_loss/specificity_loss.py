from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class SpecificityLoss(AnyLoss):
    """One minus the specificity, the share of the negatives that are left alone.

    The recall of class 0. Alone it is content with calling everything negative, so give it a partner, as in
    `WeightedCrossEntropyWithAnyLoss`, or take `GeometricMeanLoss`.

    Formula: `1 - tn / (tn + fp)`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(SpecificityLoss()(y_true, y_pred)), 4))
    0.5

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "specificity_loss"

    def score(self, tn, fp, fn, tp):
        return tn / (tn + fp)
