import keras
from keras import ops

from dl_techniques._checks import check_same_shape
from dl_techniques._forecasts import probability
from dl_techniques._precision import wide
from dl_techniques._serialization import serializable
from dl_techniques.metrics._weights import weights_of


@serializable
class BrierScoreMetric(keras.metrics.Metric):
    """Brier score of all examples seen: the mean squared error of probabilities.

    Each element is the forecast of one event. With several classes it is the mean over the classes;
    `compute_brier_score` takes the sum, which is larger by the number of classes.

    Formula, with sums in float32 at least: `sum(w (p - y)^2) / sum(w)` over all elements, where `p` is `y_pred`, or
    `sigmoid(y_pred)` with `from_logits`, and `w` is the weight of the example. It is 0 where nothing has weight.

    Args:
        from_logits: bool, whether `y_pred` holds logits of events. Probabilities are taken as they are: a score above
            1 says that they were logits.
        name: str.

    Input shape:
        `y_true` and `y_pred` alike, batch first; `y_true` holds zeros and ones, or frequencies.

    Output shape:
        A scalar.

    Example:

    >>> metric = BrierScoreMetric()
    >>> metric.update_state([1.0, 0.0, 1.0, 1.0], [0.8, 0.3, 0.6, 0.9])
    >>> round(float(metric.result()), 4)
    0.075

    References:
        Brier, "Verification of Forecasts Expressed in Terms of Probability",
        doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    """

    def __init__(self, from_logits: bool = False, *, name: str = "brier_score", **kwargs):
        super().__init__(name=name, **kwargs)
        self.from_logits = from_logits
        self._total = self.add_variable((), "zeros", dtype=wide(self.dtype), name="total")
        self._weight = self.add_variable((), "zeros", dtype=wide(self.dtype), name="weight")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = (ops.convert_to_tensor(y, dtype=wide(self.dtype)) for y in (y_true, y_pred))
        check_same_shape(y_true, y_pred)
        errors = ops.square(probability(y_pred, self.from_logits) - y_true)
        weights = weights_of(errors, sample_weight)
        self._total.assign_add(ops.sum(weights * errors))
        self._weight.assign_add(ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(self._total, self._weight)
