from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class MatthewsLoss(AnyLoss):
    """One minus Matthews' correlation of targets and decisions, a number from 0 to 2.

    For imbalanced classes, where all four counts shall matter. It is 0 if all decisions are right, 1 if they have
    nothing to do with the targets, and 2 if all are wrong. All decisions alike, which scikit-learn scores with 0, have
    a score of the order of `sqrt(1e-7)`; a batch of one class, all right, one of 1/2.

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
        # The product of all four sums would overflow in float32 where there are 10^9 elements.
        right = ops.sqrt((tp + fp) * (tp + fn))
        left = ops.sqrt((tn + fp) * (tn + fn))
        return (tp * tn - fp * fn) / (right * left)
