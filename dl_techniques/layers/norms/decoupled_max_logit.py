from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_axis, check_positive, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._l2 import max_cosine_and_norm, without_axes


@serializable
class DecoupledMaxLogit(keras.layers.Layer):
    """The largest logit taken apart into a cosine and a length, which are summed as a score of familiarity.

    The largest logit alone, the product of the two, is dominated by the length; the cosine tells unknown inputs from
    known ones better. This layer works on the logits themselves. The paper takes the cosine between the features and
    the weights of a class, and the length of the features.

    Formula, computed in float32 and cast back, with `r = sqrt(sum(x^2, axis) + epsilon)`:
    `score = constant * max_cosine + max_norm`, `max_cosine = max(x, axis) / r`, `max_norm = r`

    Args:
        constant: float > 0, the weight of the cosine.
        axis: int or a list of them, the axes of the classes.
        epsilon: float > 0, added to the squared length.

    Input shape:
        Any; the axes named must have known sizes.

    Output shape:
        A tuple of three: `score`, `max_cosine`, `max_norm`, each of the input's shape without the axes named.

    Example:

    >>> score, cosine, norm = DecoupledMaxLogit()(keras.ops.convert_to_tensor([[3.0, 4.0]]))
    >>> [round(float(keras.ops.convert_to_numpy(y)[0]), 4) for y in (score, cosine, norm)]
    [5.8, 0.8, 5.0]

    References:
        Zhang and Xiang, "Decoupling MaxLogit for Out-of-Distribution Detection", CVPR 2023,
        doi:10.1109/CVPR52729.2023.00330
    """

    def __init__(self, constant: float = 1.0, axis: int | Sequence[int] = -1, *, epsilon: float = 1e-7, **kwargs):
        super().__init__(**kwargs)
        check_axis(axis)
        check_positive(constant=constant, epsilon=epsilon)
        self.constant = constant
        self.axis = axis
        self.epsilon = epsilon

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        cosine, norm = max_cosine_and_norm(at_least_float32(inputs), self._axes, self.epsilon)
        return tuple(ops.cast(y, inputs.dtype) for y in (self.constant * cosine + norm, cosine, norm))

    def compute_output_shape(self, input_shape):
        return (without_axes(input_shape, self.axis),) * 3
