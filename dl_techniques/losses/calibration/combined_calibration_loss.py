import keras
from keras import ops

from dl_techniques._checks import check_share
from dl_techniques._precision import at_least
from dl_techniques._serialization import serializable
from dl_techniques.losses.calibration.brier_score_loss import BrierScoreLoss
from dl_techniques.losses.calibration.spiegelhalter_z_loss import SpiegelhalterZLoss


@serializable
class CombinedCalibrationLoss(keras.losses.Loss):
    """Brier score and Spiegelhalter's Z together: one number for the batch.

    The first term asks for forecasts that are right, the second for probabilities that are honest over the batch.
    Of calibrated forecasts the first lies below 0.25 and the second, `Z^2`, is 1 on average. The second of others
    grows with the size of the batch. Sample weights scale the loss as a whole.

    Formula, computed in float32: `alpha * mean((p - y)^2) + (1 - alpha) * Z^2` over all elements, or `abs(Z)` in
    place of `Z^2`; see `BrierScoreLoss` and `SpiegelhalterZLoss`.

    Args:
        alpha: float in [0, 1], the share of the Brier score.
        use_squared_z: bool, whether to take the square of Z instead of its absolute value.
        from_logits: bool, whether `y_pred` holds logits of events.
        reduction: as of any Keras loss, but there is one value only.
        name: str.

    Input shape:
        `y_true`, of zeros and ones, and `y_pred` alike.

    Output shape:
        A scalar, whatever the reduction.

    Example:

    >>> y_true = keras.ops.convert_to_tensor([1.0, 0.0, 1.0, 1.0])
    >>> y_pred = keras.ops.convert_to_tensor([0.8, 0.3, 0.6, 0.9])
    >>> round(float(CombinedCalibrationLoss(alpha=0.75, use_squared_z=False)(y_true, y_pred)), 4)
    0.3075

    References:
        - Brier, "Verification of Forecasts Expressed in Terms of Probability",
          doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
        - Spiegelhalter, "Probabilistic prediction in patient management and clinical trials",
          doi:10.1002/sim.4780050506
    """

    def __init__(
        self,
        alpha: float = 0.5,
        use_squared_z: bool = True,
        *,
        from_logits: bool = False,
        reduction: str = "sum_over_batch_size",
        name: str = "combined_calibration_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_share(alpha=alpha)
        self.alpha = alpha
        self.use_squared_z = use_squared_z
        self.from_logits = from_logits
        self._brier = BrierScoreLoss(from_logits)
        self._z = SpiegelhalterZLoss(use_squared_z, from_logits)

    def call(self, y_true, y_pred):
        scores = self._brier.call(y_true, y_pred)
        # An empty batch has no mean.
        brier = ops.sum(scores) / at_least(ops.cast(ops.size(scores), scores.dtype), 1.0)
        return self.alpha * brier + (1 - self.alpha) * self._z.call(y_true, y_pred)
