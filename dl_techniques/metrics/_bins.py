"""Confidences and what came of them, summed in bins: what streaming calibration errors are made of."""

import math

import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_same_shape
from dl_techniques._precision import at_least_float32, wide
from dl_techniques.metrics._weights import weights_of


class BinnedMetric(keras.metrics.Metric):
    """Sums of weights, confidences and hits in bins of equal width, for each column.

    A bin is open at its lower end, but for the first. What lies beyond 0 or 1 is in the bin next to it.
    """

    def __init__(self, num_bins: int, from_logits: bool, columns: tuple[int, ...] = (), **kwargs):
        super().__init__(**kwargs)
        check_positive_int(num_bins=num_bins)
        self.num_bins = num_bins
        self.from_logits = from_logits
        shape, dtype = (*columns, num_bins), wide(self.dtype)
        self._weights = self.add_variable(shape, "zeros", dtype=dtype, name="weights")
        self._confidences = self.add_variable(shape, "zeros", dtype=dtype, name="confidences")
        self._hits = self.add_variable(shape, "zeros", dtype=dtype, name="hits")

    def _probabilities(self, y_pred):
        scores = ops.convert_to_tensor(y_pred, dtype=wide(self.dtype))
        if len(scores.shape) < 2 or scores.shape[-1] == 1:
            raise ValueError(
                "The last axis of `y_pred` must hold two classes or more; of one event with probability p they are "
                f"1 - p and p. Received: y_pred shape={tuple(scores.shape)}"
            )
        return ops.softmax(scores, axis=-1) if self.from_logits else scores

    def _add(self, confidence, hit, sample_weight):
        """Both of the same shape, which ends with the columns."""
        inner = [i / self.num_bins for i in range(1, self.num_bins)]
        above = ops.convert_to_tensor([-math.inf, *inner], dtype=confidence.dtype)
        up_to = ops.convert_to_tensor([*inner, math.inf], dtype=confidence.dtype)
        place = ops.expand_dims(confidence, axis=-1)
        inside = ops.cast(ops.logical_and(place > above, place <= up_to), place.dtype)
        weight = inside * ops.expand_dims(weights_of(confidence, sample_weight), axis=-1)
        axes = tuple(range(len(inside.shape) - len(self._weights.shape)))
        self._weights.assign_add(ops.sum(weight, axis=axes))
        self._confidences.assign_add(ops.sum(weight * place, axis=axes))
        self._hits.assign_add(ops.sum(weight * ops.expand_dims(ops.cast(hit, place.dtype), axis=-1), axis=axes))

    def _gaps(self):
        """Of each bin, times its weight."""
        return ops.abs(self._hits - self._confidences)


class TopLabelMetric(BinnedMetric):
    """The confidence is the largest probability of an example; it hits where that is the class."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        p = self._probabilities(y_pred)
        top = ops.cast(ops.argmax(p, axis=-1), "int32")
        of_top = ops.equal(ops.arange(ops.shape(p)[-1], dtype="int32"), ops.expand_dims(top, axis=-1))
        # The maximum of no examples would be an error.
        confidence = ops.sum(ops.where(of_top, p, ops.zeros_like(p)), axis=-1)
        self._add(confidence, ops.equal(top, class_numbers(y_true, p)), sample_weight)


def class_numbers(y_true, y_pred):
    """As int32, from class numbers or from one-hot targets; as in Keras' accuracy, the shape tells which."""
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape):
        if y_true.shape[-1] != 1:
            check_same_shape(y_true, y_pred)
            return ops.cast(ops.argmax(at_least_float32(y_true), axis=-1), "int32")
        y_true = ops.squeeze(y_true, axis=-1)
    pairs = zip(y_true.shape, y_pred.shape[:-1], strict=False)
    if len(y_true.shape) != len(y_pred.shape) - 1 or any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise ValueError(
            "`y_true` must have the shape of `y_pred`, or that without the last axis. "
            f"Received: y_true shape={tuple(y_true.shape)}, y_pred shape={tuple(y_pred.shape)}"
        )
    return ops.cast(y_true, "int32")
