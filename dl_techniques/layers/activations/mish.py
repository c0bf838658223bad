import math

import keras
from keras import ops

from dl_techniques._checks import check_positive
from dl_techniques._precision import at_least, tanh
from dl_techniques._serialization import PACKAGE, serializable
from dl_techniques.layers.activations._elementwise import ElementwiseActivation


@keras.saving.register_keras_serializable(package=PACKAGE)
def mish(inputs):
    """`x * tanh(softplus(x))`, the function of the layer `Mish`, for use as an `activation` argument.

    Example:

    >>> print(keras.ops.convert_to_numpy(mish(keras.ops.convert_to_tensor([-1.0, 1.0]))).round(4))
    [-0.3034  0.8651]
    """
    return inputs * tanh(ops.softplus(inputs))


@keras.saving.register_keras_serializable(package=PACKAGE)
def saturated_mish(inputs, alpha: float = 3.0, beta: float = 0.5):
    """The function of the layer `SaturatedMish`, for use as an `activation` argument.

    Example:

    >>> print(keras.ops.convert_to_numpy(saturated_mish(keras.ops.convert_to_tensor([1.0, 100.0]))).round(4))
    [0.9033 2.9865]
    """
    check_positive(alpha=alpha, beta=beta)
    ceiling = alpha * math.tanh(alpha + math.log1p(math.exp(-alpha)))
    steps_past_alpha = (inputs - alpha) / beta
    # So far out that its weight is zero, the growing part is stopped, or infinity would be multiplied with that zero.
    growing = mish(-at_least(-inputs, -alpha - 40 * beta))
    return growing * ops.sigmoid(-steps_past_alpha) + ceiling * ops.sigmoid(steps_past_alpha)


@serializable
class Mish(ElementwiseActivation):
    """Smooth, self-gated activation: close to the identity far right, to zero far left, with a dip in between.

    Formula: `y = x * tanh(softplus(x))`; the lowest value is -0.3088 at x = -1.1924.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = Mish()(keras.ops.convert_to_tensor([-1.0, 0.0, 1.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [-0.3034  0.      0.8651]

    References:
        Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681
    """

    def call(self, inputs, training=None):
        return mish(inputs)


@serializable
class SaturatedMish(ElementwiseActivation):
    """Mish that levels off: past `alpha` it turns smoothly into the constant `mish(alpha)`.

    For activations that must not grow without bound. It is not monotonic: with the defaults it rises to 3.128 at
    x = 3.64 and falls back to its limit 2.987. Below `alpha` it is already a little above Mish, by 0.007 at zero.

    Formula: `y = mish(x) * (1 - w) + mish(alpha) * w` with `w = sigmoid((x - alpha) / beta)`

    Args:
        alpha: float > 0, where to level off.
        beta: float > 0, the width of the transition.

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = SaturatedMish()(keras.ops.convert_to_tensor([-1.0, 1.0, 3.0, 100.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [-0.3023  0.9033  2.9865  2.9865]

    References:
        No paper. Built on Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681
    """

    def __init__(self, alpha: float = 3.0, beta: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        check_positive(alpha=alpha, beta=beta)
        self.alpha = alpha
        self.beta = beta

    def call(self, inputs, training=None):
        return saturated_mish(inputs, self.alpha, self.beta)
