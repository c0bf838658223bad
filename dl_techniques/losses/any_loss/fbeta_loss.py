from dl_techniques._checks import check_number, check_positive
from dl_techniques._serialization import serializable
from dl_techniques.losses.any_loss.any_loss import AnyLoss


@serializable
class FBetaLoss(AnyLoss):
    """One minus the F-beta score, in which recall counts `beta` times as much as precision.

    For rare positives where a miss and a false alarm do not cost the same. With `beta=1` it equals the F1 loss;
    towards 0 it becomes the precision loss, towards infinity the recall loss.

    Formula: `1 - (1 + beta^2) * tp / ((1 + beta^2) * tp + beta^2 * fn + fp)`, of the soft counts of `AnyLoss`.

    Args:
        beta: float > 0, how much recall counts.
        amplifying_scale, from_logits: as in `AnyLoss`, as are shapes and limits.

    Example:

    >>> y_true = keras.ops.array([1.0, 1.0, 0.0, 0.0])
    >>> y_pred = keras.ops.array([0.9, 0.6, 0.2, 0.7])
    >>> print(round(float(FBetaLoss(beta=2.0)(y_true, y_pred)), 4))
    0.0912

    References:
        Han, Moniz and Chawla, "AnyLoss: Transforming Classification Metrics into Loss Functions", arXiv:2405.14745
    """

    _default_name = "fbeta_loss"

    def __init__(
        self,
        beta: float = 1.0,
        amplifying_scale: float = 73.0,
        *,
        from_logits: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        **kwargs,
    ):
        super().__init__(amplifying_scale, from_logits, reduction=reduction, name=name, **kwargs)
        check_number(beta=beta)
        check_positive(beta=beta)
        self.beta = beta

    def score(self, tn, fp, fn, tp):
        # Numerator and denominator divided by 1 + beta^2, which would overflow where beta is large.
        share = self.beta / (self.beta + 1 / self.beta)
        return tp / (tp + share * fn + (1 - share) * fp)
