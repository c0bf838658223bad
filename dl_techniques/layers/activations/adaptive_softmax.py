from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_non_negative, check_numbers, check_positive
from dl_techniques._precision import at_least, at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.utils.tensors import quiet_softmax


@serializable
class AdaptiveSoftmax(keras.layers.Layer):
    """Softmax over the last axis that lowers its temperature where it would come out spread.

    A softmax over more elements than it was trained on gets flatter, however clear the best element is. Here a
    polynomial of the entropy, fitted by the authors, says how much to sharpen; confident rows stay as they are. With
    the default polynomial also rows of an entropy above 5.94 stay as they are: 380 equally likely elements.

    Formula, computed in float32 and cast back: `y = softmax(x / T)` with `H` the entropy of `softmax(x)` and
    `T = clip(1 / max(polynomial(H), 1), min_temp, max_temp)` where `H > entropy_threshold`, else `T = 1`.
    Gradients flow through `T`.

    Args:
        min_temp: float > 0, the lowest temperature.
        max_temp: float >= min_temp, the highest temperature of rows above the threshold.
        entropy_threshold: float >= 0, in nats.
        polynomial_coeffs: the coefficients, the one of the highest power first.

    Input shape:
        `(..., elements)`.

    Output shape:
        Same as the input.

    Example:

    >>> y = AdaptiveSoftmax()(keras.ops.convert_to_tensor([[3.0, 2.0, 1.0, 0.0], [9.0, 0.0, 0.0, 0.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[6.996e-01 2.145e-01 6.570e-02 2.020e-02]
     [9.996e-01 1.000e-04 1.000e-04 1.000e-04]]

    References:
        Velickovic et al., "softmax is not enough (for sharp out-of-distribution)", arXiv:2410.01104
    """

    def __init__(
        self,
        min_temp: float = 0.1,
        max_temp: float = 1.0,
        *,
        entropy_threshold: float = 0.5,
        polynomial_coeffs: Sequence[float] = (-0.037, 0.481, -2.3, 4.917, -1.791),
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive(min_temp=min_temp, max_temp=max_temp)
        if min_temp > max_temp:
            raise ValueError(
                f"`min_temp` must be <= `max_temp`. Received: min_temp={min_temp!r}, max_temp={max_temp!r}"
            )
        check_non_negative(entropy_threshold=entropy_threshold)
        check_numbers(polynomial_coeffs=polynomial_coeffs)
        self.min_temp = min_temp
        self.max_temp = max_temp
        self.entropy_threshold = entropy_threshold
        self.polynomial_coeffs = polynomial_coeffs
        self.supports_masking = True

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        temperature = self.compute_temperature(self.compute_entropy(quiet_softmax(x)))
        return ops.cast(quiet_softmax(x / temperature), inputs.dtype)

    def compute_entropy(self, probabilities):
        """Returns the entropy of each row in nats, `(..., 1)`; impossible elements add nothing."""
        possible = ops.where(probabilities > 0, probabilities, 1.0)
        return -ops.sum(possible * ops.log(possible), axis=-1, keepdims=True)

    def compute_temperature(self, entropy):
        """Returns the temperature for each entropy."""
        highest, *others = self.polynomial_coeffs
        sharpness = ops.full_like(entropy, highest)
        for coefficient in others:
            sharpness = sharpness * entropy + coefficient
        temperature = ops.clip(1 / at_least(sharpness, 1.0), self.min_temp, self.max_temp)
        return ops.where(entropy > self.entropy_threshold, temperature, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape
