from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class MatthewsLoss(AnyLoss):
    """One minus Matthews' correlation of targets and decisions, a number from 0 to 2.

    For imbalanced classes, where all four counts shall matter. It is 0 if all decisions are right, 1 if they have
    nothing to do with the targets, and 2 if all are wrong. Where the correlation is zero over zero, the 1e-7 in the
    counts decide: decisions that are all alike give 1 within `sqrt(1e-7)`; but if targets are alike too, they give
    1/2 if they are right, and 3/2 if they are wrong.

    Formula: `1 - (tp * tn - fp * fn) / sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))`, of the soft counts
    of `AnyLoss`.

    Arguments, shapes and limits are those of `AnyLoss`.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(MatthewsLoss()(y_true, y_pred)), 4))
    0.4232

    References:
        - Matthews, "Comparison of the predicted and observed secondary structure of T4 phage lysozyme",
          doi:10.1016/0005-2795(75)90109-9
        - Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "matthews_loss"

    def score(self, tn, fp, fn, tp):
        # Of two products: one of all four sums would overflow in float32 at 10^10 elements.
        positives = ops.sqrt((tp + fp) * (tp + fn))
        negatives = ops.sqrt((tn + fp) * (tn + fn))
        return (tp * tn - fp * fn) / (positives * negatives)
