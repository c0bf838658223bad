import keras
from keras import ops

from dl_techniques._checks import check_choice, check_same_shape
from dl_techniques._forecasts import STATISTICS, z_score, z_terms
from dl_techniques._precision import wide
from dl_techniques._serialization import serializable
from dl_techniques.metrics._weights import weights_of


@serializable
class SpiegelhalterZMetric(keras.metrics.Metric):
    """Spiegelhalter's Z of all examples seen: a test of whether probabilities are calibrated.

    Of calibrated probabilities Z is normally distributed with mean 0 and variance 1, so beyond 1.96 or -1.96 they are
    refuted at the level of 5 percent. Each element is the forecast of one event; they must be independent, which those
    of several classes of one example are not.

    Formula, with sums in float32 at least over all elements:

    - `"spiegelhalter"`: `Z = sum(w (y - p) (1 - 2 p)) / sqrt(sum(w (1 - 2 p)^2 p (1 - p)))`
    - `"in_the_large"`: `Z = sum(w (y - p)) / sqrt(sum(w p (1 - p)))`

    The weight `w` of an example says how often it was seen: 2 is the same as the example twice, 0 as none. Of weights
    that are something else, an importance for example, Z has not the variance 1. The sum below the root is at least
    1e-7: Z is 0 where nothing was seen, where every forecast is right and certain, and, with the first statistic,
    where all are 0.5. Where certain forecasts fail it is huge, but finite.

    Args:
        from_logits: bool, whether `y_pred` holds logits. Probabilities outside of [0, 1] count as 0 or 1.
        statistic: "spiegelhalter" or "in_the_large".
        name: str.

    Input shape:
        `y_true`, of zeros and ones, and `y_pred` alike, batch first.

    Output shape:
        A scalar.

    Example:

    >>> metric = SpiegelhalterZMetric()
    >>> metric.update_state([1.0, 0.0, 1.0, 1.0], [0.8, 0.3, 0.6, 0.9])
    >>> round(float(metric.result()), 4)
    -1.005

    References:
        Spiegelhalter, "Probabilistic prediction in patient management and clinical trials", doi:10.1002/sim.4780050506
    """

    def __init__(
        self,
        from_logits: bool = False,
        statistic: str = "spiegelhalter",
        *,
        name: str = "spiegelhalter_z",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        check_choice(STATISTICS, statistic=statistic)
        self.from_logits = from_logits
        self.statistic = statistic
        self._deviation = self.add_variable((), "zeros", dtype=wide(self.dtype), name="deviation")
        self._variance = self.add_variable((), "zeros", dtype=wide(self.dtype), name="variance")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = (ops.convert_to_tensor(y, dtype=wide(self.dtype)) for y in (y_true, y_pred))
        check_same_shape(y_true, y_pred)
        deviation, variance = z_terms(y_true, y_pred, self.from_logits, self.statistic)
        weights = weights_of(deviation, sample_weight)
        self._deviation.assign_add(ops.sum(weights * deviation))
        self._variance.assign_add(ops.sum(weights * variance))

    def result(self):
        return z_score(ops.convert_to_tensor(self._deviation), ops.convert_to_tensor(self._variance))
