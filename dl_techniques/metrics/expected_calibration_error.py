from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.metrics._bins import TopLabelMetric


@serializable
class ExpectedCalibrationError(TopLabelMetric):
    """Expected calibration error: how far confidence is from accuracy, on average.

    The confidence of an example is its largest probability. Examples are sorted by it into bins of equal width, which
    hold their upper end, the first its lower end too. The value depends on the number of bins, and is biased upwards
    where there are few examples in them. `compute_ece` is the same for arrays.

    Formula, with sums in float32: `sum_b(n_b abs(accuracy_b - confidence_b)) / n`, where `n_b` is the weight of the
    examples in bin `b` and `n` that of all. It is 0 where there are none.

    Args:
        num_bins: int >= 1.
        from_logits: bool, whether to take the softmax of `y_pred` first.
        name: str.

    Input shape:
        `y_pred`: `(batch, ..., classes)`, two classes or more. `y_true`: one-hot, of the same shape; or class numbers,
        of the shape without the last axis or with 1 there. A class number that does not exist is never hit. An update
        takes a few times `num_bins` numbers for each example.

    Output shape:
        A scalar.

    Example:

    >>> metric = ExpectedCalibrationError()
    >>> metric.update_state([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    >>> float(metric.result())
    0.25

    References:
        - Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning",
          doi:10.1609/aaai.v29i1.9602
        - Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599
    """

    def __init__(
        self, num_bins: int = 15, from_logits: bool = False, *, name: str = "expected_calibration_error", **kwargs
    ):
        super().__init__(num_bins, from_logits, name=name, **kwargs)

    def result(self):
        return ops.divide_no_nan(ops.sum(self._gaps()), ops.sum(self._weights))
