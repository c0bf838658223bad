import keras
from keras import ops

from dl_techniques._checks import check_choice, check_same_shape
from dl_techniques._forecasts import STATISTICS, z_score, z_terms
from dl_techniques._serialization import serializable


@serializable
class SpiegelhalterZLoss(keras.losses.Loss):
    """Spiegelhalter's test of calibration as a loss: one number for the batch.

    Of calibrated probabilities Z is normally distributed with mean 0 and variance 1, however sharp they are. It knows
    nothing of sharpness: take it beside a score such as `BrierScoreLoss`, as `CombinedCalibrationLoss` does. Each
    element of the batch is the forecast of one event. Sample weights scale the loss as a whole.

    Formula, computed in float32, with sums over all elements:

    - `"spiegelhalter"`: `Z = sum((y - p) (1 - 2 p)) / sqrt(sum((1 - 2 p)^2 p (1 - p)))`
    - `"in_the_large"`: `Z = sum(y - p) / sqrt(sum(p (1 - p)))`, which asks only whether as many events happen as
      were forecast

    The loss is `Z^2`, or `abs(Z)`. The sum below the root is at least 1e-7. So Z is 0 where every forecast is right
    and certain, and where all are 0.5, of which the first statistic can say nothing; where certain forecasts fail it
    is huge, but finite.

    Args:
        use_squared: bool, whether to take the square of Z instead of its absolute value.
        from_logits: bool, whether `y_pred` holds logits. Probabilities outside of [0, 1] count as 0 or 1, and have no
            gradient.
        statistic: "spiegelhalter" or "in_the_large".
        reduction: as of any Keras loss, but there is one value only.
        name: str.

    Input shape:
        `y_true`, of zeros and ones, and `y_pred` alike.

    Output shape:
        A scalar, whatever the reduction.

    Example:

    >>> y_true = keras.ops.convert_to_tensor([1.0, 0.0, 1.0, 1.0])
    >>> y_pred = keras.ops.convert_to_tensor([0.8, 0.3, 0.6, 0.9])
    >>> round(float(SpiegelhalterZLoss(use_squared=False)(y_true, y_pred)), 4)
    1.005
    >>> round(float(SpiegelhalterZLoss(use_squared=False, statistic="in_the_large")(y_true, y_pred)), 4)
    0.4781

    References:
        Spiegelhalter, "Probabilistic prediction in patient management and clinical trials", doi:10.1002/sim.4780050506
    """

    def __init__(
        self,
        use_squared: bool = True,
        from_logits: bool = False,
        *,
        statistic: str = "spiegelhalter",
        reduction: str = "sum_over_batch_size",
        name: str = "spiegelhalter_z_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        check_choice(STATISTICS, statistic=statistic)
        self.use_squared = use_squared
        self.from_logits = from_logits
        self.statistic = statistic

    def call(self, y_true, y_pred):
        check_same_shape(y_true, y_pred)
        z = z_score(*map(ops.sum, z_terms(y_true, y_pred, self.from_logits, self.statistic)))
        # The slope of `abs` at 0 is 1 on JAX.
        return ops.square(z) if self.use_squared else z * ops.sign(z)
