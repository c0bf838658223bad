import keras
from keras import ops
from keras.initializers import Constant

from dl_techniques._checks import check_number
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable


@serializable
class BoundsLayer(keras.layers.Layer):
    """The lowest and the highest number seen in training, as an interval in place of each element.

    Its pair of outputs is what a logic gate with `use_bounds` takes, where all that is known of a truth value is its
    range. To follow the data from the first batch on, start with both bounds at one number that it contains.

    Formula: `lower = min(lower, min(x))`, `upper = max(upper, max(x))` over all elements of each batch in training.
    NaN moves nothing; numbers that Keras' padding mask hides count like others.

    Args:
        initial_lower: float, where the lower bound starts.
        initial_upper: float, where the upper bound starts; not less than `initial_lower`.
        trainable_bounds: bool, whether the bounds are learned instead, from the loss alone. (`trainable`, as of every
            layer, says whether anything moves.)

    Input shape:
        Any.

    Output shape:
        Two times that of the input, for the lower and the upper bound.

    Example:

    >>> layer = BoundsLayer(0.5, 0.5)
    >>> lower, upper = layer(keras.ops.convert_to_tensor([[0.25, 0.75], [0.5, 1.0]]), training=True)
    >>> print(layer.get_bounds(), tuple(lower.shape))
    (0.25, 1.0) (2, 2)

    References:
        Riegel et al., "Logical Neural Networks", arXiv:2006.13155, for bounds of truth values
    """

    def __init__(
        self, initial_lower: float = 0.0, initial_upper: float = 1.0, *, trainable_bounds: bool = False, **kwargs
    ):
        super().__init__(**kwargs)
        check_number(initial_lower=initial_lower, initial_upper=initial_upper)
        if initial_lower > initial_upper:
            raise ValueError(
                "`initial_lower` must not be greater than `initial_upper`. "
                f"Received: initial_lower={initial_lower}, initial_upper={initial_upper}"
            )
        self.initial_lower = initial_lower
        self.initial_upper = initial_upper
        self.trainable_bounds = trainable_bounds
        self.supports_masking = True

    def build(self, input_shape):
        self.lower_bound = self._bound("lower_bound", self.initial_lower)
        self.upper_bound = self._bound("upper_bound", self.initial_upper)
        super().build(input_shape)

    def call(self, inputs, training=None):
        if training and self.trainable and not self.trainable_bounds:
            x = ops.stop_gradient(at_least_float32(ops.reshape(inputs, (-1,))))
            # `ops.min` and `ops.max` break the PyTorch graph.
            self.lower_bound.assign(ops.amin(_with(self.lower_bound, x), axis=0, keepdims=True))
            self.upper_bound.assign(ops.amax(_with(self.upper_bound, x), axis=0, keepdims=True))
        bounds = (ops.cast(bound, inputs.dtype) for bound in (self.lower_bound, self.upper_bound))
        return tuple(ops.broadcast_to(bound, ops.shape(inputs)) for bound in bounds)

    def compute_output_shape(self, input_shape):
        return input_shape, input_shape

    def get_bounds(self) -> tuple[float, float]:
        """Returns the lower and the upper bound as numbers."""
        if not self.built:
            return self.initial_lower, self.initial_upper
        lower, upper = (float(ops.convert_to_numpy(bound)[0]) for bound in (self.lower_bound, self.upper_bound))
        return lower, upper

    def _bound(self, name, value):
        return self.add_weight(
            name=name, shape=(1,), initializer=Constant(value), trainable=self.trainable_bounds, autocast=False
        )


def _with(bound, x):
    """The numbers `x`, with the bound for what is NaN, and once more at the front; so there always is one."""
    bound = ops.cast(bound, x.dtype)
    return ops.concatenate([bound, ops.where(ops.isnan(x), bound, x)])
