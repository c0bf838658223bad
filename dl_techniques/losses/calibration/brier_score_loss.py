import keras
from keras import ops

from dl_techniques._checks import check_same_shape
from dl_techniques._forecasts import probability
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable


@serializable
class BrierScoreLoss(keras.losses.Loss):
    """Brier score: the mean squared error of probabilities.

    A proper score, so only honest probabilities are best; unlike cross entropy it is at most 1 however wrong a
    forecast is. Each element is the forecast of one event. With several classes it is the mean over the classes;
    `compute_brier_score` takes the sum, which is larger by the number of classes.

    Formula, computed in float32: `mean((p - y)^2)` over the elements of an example, where `p` is `y_pred`, or
    `sigmoid(y_pred)` with `from_logits`.

    Args:
        from_logits: bool, whether `y_pred` holds logits of events. Probabilities are taken as they are: a loss above
            1 says that they were logits.
        reduction: as of any Keras loss.
        name: str.

    Input shape:
        `y_true` and `y_pred` alike, batch first; `y_true` holds zeros and ones, or frequencies.

    Output shape:
        A scalar; `(batch,)` with `reduction="none"`.

    Example:

    >>> y_true = keras.ops.convert_to_tensor([1.0, 0.0, 1.0, 1.0])
    >>> y_pred = keras.ops.convert_to_tensor([0.8, 0.3, 0.6, 0.9])
    >>> round(float(BrierScoreLoss()(y_true, y_pred)), 4)
    0.075

    References:
        Brier, "Verification of Forecasts Expressed in Terms of Probability",
        doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    """

    def __init__(
        self,
        from_logits: bool = False,
        *,
        reduction: str = "sum_over_batch_size",
        name: str = "brier_score_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        check_same_shape(y_true, y_pred)
        errors = ops.square(probability(y_pred, self.from_logits) - at_least_float32(y_true))
        axes = tuple(range(1, len(errors.shape)))
        return mean_over(errors, axis=axes) if axes else errors
