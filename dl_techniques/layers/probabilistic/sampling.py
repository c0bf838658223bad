import keras
from keras import ops

from dl_techniques._checks import check_non_negative_int
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class Sampling(keras.layers.Layer):
    """Draws from a normal distribution in a way that gradients can pass: the reparameterization trick.

    The bottleneck of a variational autoencoder. It draws in training and in inference alike.

    Formula, computed in float32 and cast back: `z = mean + exp(log_variance / 2) * noise`, `noise ~ N(0, 1)`.
    A `log_variance` above 177 overflows.

    Args:
        seed: int >= 0, or None. Layers of equal seeds draw equal numbers, and new ones at each call.

    Input shape:
        A list of two equal shapes, `(batch, ...)`: mean and logarithm of the variance.

    Output shape:
        That of one input.

    Example:

    >>> mean, log_variance = keras.ops.ones((2, 3)), keras.ops.full((2, 3), -100.0)
    >>> print(keras.ops.convert_to_numpy(Sampling(seed=1)([mean, log_variance])))
    [[1. 1. 1.]
     [1. 1. 1.]]

    References:
        Kingma and Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114
    """

    def __init__(self, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if seed is not None:
            check_non_negative_int(seed=seed)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape):
        shapes = [tuple(shape) for shape in input_shape if isinstance(shape, tuple | list)]
        if len(shapes) != 2 or len(input_shape) != 2 or not _agree(*shapes):
            raise ValueError(
                "The inputs must be a list of two tensors of equal shapes, mean and logarithm of the variance. "
                f"Received: input_shape={input_shape}"
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        if not isinstance(inputs, tuple | list) or len(inputs) != 2:
            raise ValueError(f"The inputs must be a list of two tensors. Received: inputs={inputs}")
        mean, log_variance = (at_least_float32(x) for x in inputs)
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator)
        return ops.cast(mean + ops.exp(0.5 * log_variance) * noise, inputs[0].dtype)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


def _agree(shape, other) -> bool:
    """Whether the shapes can be equal; sizes that are unknown, and that of the batch, are left to the call."""
    return len(shape) == len(other) and all(
        None in sizes or len(set(sizes)) == 1 for sizes in zip(shape[1:], other[1:], strict=True)
    )
