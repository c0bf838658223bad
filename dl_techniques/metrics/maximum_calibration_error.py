from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.metrics._bins import TopLabelMetric


@serializable
class MaximumCalibrationError(TopLabelMetric):
    """Maximum calibration error: how far confidence is from accuracy, in the worst bin.

    For where every confidence has to be relied upon. The confidence of an example is its largest probability. Examples
    are sorted by it into bins of equal width, which hold their upper end, the first its lower end too. A bin counts as
    much as any other however few examples are in it, so a single one can decide the value. `compute_mce` is the same
    for arrays.

    Formula, with sums in float32: `max_b(abs(accuracy_b - confidence_b))` over the bins that are not empty. It is 0
    where all are.

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

    >>> metric = MaximumCalibrationError()
    >>> metric.update_state([1, 0], [[0.75, 0.25], [1.0, 0.0]])
    >>> float(metric.result())
    0.75

    References:
        Guo et al., "On Calibration of Modern Neural Networks", arXiv:1706.04599
    """

    def __init__(
        self, num_bins: int = 15, from_logits: bool = False, *, name: str = "maximum_calibration_error", **kwargs
    ):
        super().__init__(num_bins, from_logits, name=name, **kwargs)

    def result(self):
        return ops.amax(ops.divide_no_nan(self._gaps(), self._weights))
