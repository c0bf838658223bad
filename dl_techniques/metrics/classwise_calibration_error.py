from keras import ops

from dl_techniques._checks import check_last_axis, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.metrics._bins import BinnedMetric, class_numbers


@serializable
class ClasswiseCalibrationError(BinnedMetric):
    """Classwise, or static, calibration error: the expected calibration error of each class, averaged.

    It judges every probability, not only the largest of each example. With many classes most probabilities are near
    0, and so is the value. `compute_classwise_ece` is the same for arrays.

    Formula, with sums in float32: `mean_k(sum_b(n_kb abs(frequency_kb - confidence_kb)) / n)`. Bin `b` of class `k`
    holds the examples whose probability of that class lies in it, `n_kb` is their weight, `confidence_kb` the mean of
    those probabilities, `frequency_kb` how often the class is true there, and `n` the weight of all examples. Bins
    have equal width and hold their upper end, the first its lower end too. It is 0 where there are no examples.

    Args:
        num_classes: int >= 2.
        num_bins: int >= 1.
        from_logits: bool, whether to take the softmax of `y_pred` first.
        name: str.

    Input shape:
        `y_pred`: `(batch, ..., num_classes)`. `y_true`: one-hot, of the same shape; or class numbers, of the shape
        without the last axis or with 1 there. A class number that does not exist is no class's. An update takes a few
        times `num_bins` times the memory of `y_pred`.

    Output shape:
        A scalar.

    Example:

    >>> metric = ClasswiseCalibrationError(num_classes=2)
    >>> metric.update_state([0, 1], [[0.75, 0.25], [0.75, 0.25]])
    >>> float(metric.result())
    0.25

    References:
        - Nixon et al., "Measuring Calibration in Deep Learning", arXiv:1904.01685
        - Kull et al., "Beyond temperature scaling", arXiv:1910.12656
    """

    def __init__(
        self,
        num_classes: int,
        num_bins: int = 15,
        *,
        from_logits: bool = False,
        name: str = "classwise_calibration_error",
        **kwargs,
    ):
        check_positive_int(num_classes=num_classes)
        if num_classes < 2:
            raise ValueError(f"`num_classes` must be at least 2. Received: num_classes={num_classes}")
        super().__init__(num_bins, from_logits, columns=(num_classes,), name=name, **kwargs)
        self.num_classes = num_classes

    def update_state(self, y_true, y_pred, sample_weight=None):
        p = self._probabilities(y_pred)
        check_last_axis(p.shape, num_classes=self.num_classes)
        number = ops.expand_dims(class_numbers(y_true, p), axis=-1)
        self._add(p, ops.equal(number, ops.arange(self.num_classes, dtype="int32")), sample_weight)

    def result(self):
        return ops.mean(ops.divide_no_nan(ops.sum(self._gaps(), axis=-1), ops.sum(self._weights, axis=-1)))
