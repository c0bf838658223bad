from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques.layers.activations._elementwise import ElementwiseActivation


@serializable
class SiLU(ElementwiseActivation):
    """Sigmoid linear unit, also called swish: the input, gated by its own sigmoid.

    Formula: `y = x * sigmoid(x)`

    Input shape:
        Any.

    Output shape:
        Same as the input.

    Example:

    >>> y = SiLU()(keras.ops.convert_to_tensor([-1.0, 0.0, 1.0]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [-0.2689  0.      0.7311]

    References:
        - Elfwing et al., "Sigmoid-Weighted Linear Units for Neural Network Function Approximation in Reinforcement
          Learning", arXiv:1702.03118
        - Ramachandran et al., "Searching for Activation Functions", arXiv:1710.05941
    """

    def call(self, inputs, training=None):
        return ops.silu(inputs)
