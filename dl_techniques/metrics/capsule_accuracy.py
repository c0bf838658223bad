import keras
from keras import ops

from dl_techniques._checks import check_min_rank, check_same_shape
from dl_techniques._serialization import serializable


@serializable
class CapsuleAccuracy(keras.metrics.Mean):
    """How often the longest capsule is that of the true class.

    Formula: `sum_b w_b [argmax_k y_bk = argmax_k v_bk] / sum_b w_b`, over all batches since the last reset, for
    lengths of capsules `v` and sample weights `w`. It is 0 where nothing was seen. Among capsules of equal length the
    first counts as the longest.

    Args:
        name: str.

    Input shape:
        `y_true`: one-hot, `(batch, ..., classes)`. `y_pred`: lengths of capsules, of the same shape.

    Output shape:
        A scalar.

    Example:

    >>> accuracy = CapsuleAccuracy()
    >>> y_true = keras.ops.convert_to_tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> lengths = keras.ops.convert_to_tensor([[0.7, 0.2], [0.8, 0.6]])
    >>> float(accuracy(y_true, lengths))
    0.5

    References:
        Sabour, Frosst and Hinton, "Dynamic Routing Between Capsules", arXiv:1710.09829
    """

    def __init__(self, name: str = "capsule_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        check_same_shape(y_true, y_pred)
        check_min_rank(y_pred.shape, 2)
        hits = ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))
        super().update_state(hits, sample_weight)
