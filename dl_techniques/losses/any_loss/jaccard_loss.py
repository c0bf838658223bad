from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class JaccardLoss(AnyLoss):
    """One minus the Jaccard index, the intersection over the union of predicted and true positives.

    For masks of one rare class that are judged by their IoU. It orders predictions as the F1 loss does, and is the
    stricter of the two: `F1 = 2 * J / (1 + J)`. Where there are no positives, neither true nor predicted, it is 2/3.

    Formula: `1 - tp / (tp + fp + fn)`, of the soft counts of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(JaccardLoss()(y_true, y_pred)), 4))
    0.3336

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "jaccard_loss"

    def score(self, tn, fp, fn, tp):
        return tp / (tp + fp + fn)
