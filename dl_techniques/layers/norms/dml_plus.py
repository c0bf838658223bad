from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_choice, check_positive, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._l2 import max_cosine_and_norm, without_axes


@serializable
class DMLPlus(keras.layers.Layer):
    """One of the two parts of the largest logit, for a pair of models that are each best at one of them.

    The cosine comes from a model trained with the focal loss, the length from one trained with the center loss; their
    weighted sum is the score of DML+. Both work on the logits themselves, as in `DecoupledMaxLogit`.

    Formula, computed in float32 and cast back, with `r = sqrt(sum(x^2, axis) + epsilon)`:
    "focal": `max(x, axis) / r`; "center": `r`

    Args:
        model_type: "focal" or "center".
        axis: int or a list of them, the axes of the classes.
        epsilon: float > 0, added to the squared length.

    Input shape:
        Any; the axes named must have known sizes.

    Output shape:
        "focal": the input's shape without the axes named. "center": a tuple of two, the length in that shape and once
        more with the axes kept at size 1, to divide the logits by.

    Example:

    >>> logits = keras.ops.convert_to_tensor([[3.0, 4.0]])
    >>> print(keras.ops.convert_to_numpy(DMLPlus("focal")(logits)).round(4))
    [0.8]
    >>> norm, divisor = DMLPlus("center")(logits)
    >>> print(keras.ops.convert_to_numpy(norm).round(4), tuple(divisor.shape))
    [5.] (1, 1)

    References:
        Zhang and Xiang, "Decoupling MaxLogit for Out-of-Distribution Detection", CVPR 2023,
        doi:10.1109/CVPR52729.2023.00330
    """

    def __init__(self, model_type: str, axis: int | Sequence[int] = -1, *, epsilon: float = 1e-7, **kwargs):
        super().__init__(**kwargs)
        check_axis(axis)
        check_choice(("focal", "center"), model_type=model_type)
        check_positive(epsilon=epsilon)
        self.model_type = model_type
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        cosine, norm = max_cosine_and_norm(at_least_float32(inputs), self._axes, self.epsilon)
        if self.model_type == "focal":
            return ops.cast(cosine, inputs.dtype)
        norm = ops.cast(norm, inputs.dtype)
        return norm, ops.expand_dims(norm, axis=self._axes)

    def compute_output_shape(self, input_shape):
        reduced = without_axes(input_shape, self.axis)
        if self.model_type == "focal":
            return reduced
        axes = normalize_axes(self.axis, input_shape)
        return reduced, tuple(1 if axis in axes else size for axis, size in enumerate(input_shape))
