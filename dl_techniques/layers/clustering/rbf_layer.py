import math

import keras
from keras import ops

from dl_techniques._checks import (
    check_min_rank,
    check_non_negative,
    check_positive,
    check_positive_int,
    normalize_axes,
)
from dl_techniques._precision import at_least, at_least_float32, mean_over, product
from dl_techniques._serialization import serializable
from dl_techniques.constraints import ValueRangeConstraint


@serializable
class RBFLayer(keras.layers.Layer):
    """Radial basis functions: how close each vector of features is to each of some learned centres, as 0 to 1.

    The hidden layer of a radial basis function network, of which a `Dense` layer makes the outputs. Each unit answers
    in a neighbourhood of its centre only. In training, centres that are too close repel each other.

    Formula, computed in float32 and cast back: `y_u = exp(-min(gamma_u ||x - c_u||^2, 50))`

    In training it adds the loss
    `repulsion_strength * features * mean_{u, v}(max(0, min_center_distance (1 + safety_margin) - ||c_u - c_v||)^2)`,
    the mean over all `units^2` pairs, of which those of a unit with itself count as 0. Centres that coincide feel no
    force, as it has no direction.

    Up to 16 features the differences of inputs and centres are computed one by one, which takes memory for
    `features * units` numbers a vector where it is not compiled. With more features distances are computed by a matrix
    product, and are exact to about 1e-7 of the squared distances to the middle of the centres.

    Args:
        units: int, number of centres.
        gamma_init: float > 0, what `gamma` starts with. It stays at least 1e-5 and is drawn to zero by an L2
            regularizer of 1e-5.
        repulsion_strength: float >= 0, how much the centres repel each other.
        min_center_distance: float > 0, the distance that centres shall have.
        center_initializer: initializer of `centers`. The default draws from `[-0.05, 0.05]`, so that at first they
            repel each other more than anything else; better start them within the data.
        center_constraint: constraint on `centers`, or None.
        trainable_gamma: bool, whether `gamma` is learned, one for each unit.
        safety_margin: float >= 0, by which share of `min_center_distance` repulsion begins earlier.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.

    Example:

    >>> layer = RBFLayer(units=2, gamma_init=0.5)
    >>> layer.build((None, 2))
    >>> _ = layer.centers.assign([[0.0, 0.0], [1.0, 1.0]])
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.array([[0.0, 0.0], [0.0, 1.0]]))).round(4))
    [[1.     0.3679]
     [0.6065 0.6065]]

    References:
        - Broomhead and Lowe, "Multivariable Functional Interpolation and Adaptive Networks", Complex Systems 2, 1988
        - Moody and Darken, "Fast Learning in Networks of Locally-Tuned Processing Units", Neural Computation 1, 1989
    """

    def __init__(
        self,
        units: int,
        gamma_init: float = 1.0,
        *,
        repulsion_strength: float = 0.1,
        min_center_distance: float = 1.0,
        center_initializer: str | keras.initializers.Initializer = "uniform",
        center_constraint: str | keras.constraints.Constraint | None = None,
        trainable_gamma: bool = True,
        safety_margin: float = 0.2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(units=units)
        check_positive(gamma_init=gamma_init, min_center_distance=min_center_distance)
        check_non_negative(repulsion_strength=repulsion_strength, safety_margin=safety_margin)
        self.units = units
        self.gamma_init = gamma_init
        self.repulsion_strength = repulsion_strength
        self.min_center_distance = min_center_distance
        self.center_initializer = keras.initializers.get(center_initializer)
        self.center_constraint = keras.constraints.get(center_constraint)
        self.trainable_gamma = trainable_gamma
        self.safety_margin = safety_margin
        self.supports_masking = True

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        normalize_axes(-1, input_shape)
        self.centers = self.add_weight(
            name="centers",
            shape=(self.units, input_shape[-1]),
            initializer=self.center_initializer,
            constraint=self.center_constraint,
            autocast=False,
        )
        self.gamma = self.add_weight(
            name="gamma",
            shape=(self.units,),
            initializer=keras.initializers.Constant(self.gamma_init),
            regularizer=keras.regularizers.L2(1e-5),
            constraint=ValueRangeConstraint(1e-5),
            trainable=self.trainable_gamma,
            autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        x, centers, gamma = (at_least_float32(value) for value in (inputs, self.centers, self.gamma))
        distances = _squared_distances(ops.reshape(x, (-1, x.shape[-1])), centers)
        # No gradient passes from afar, where it could be zero times infinity.
        far = gamma * distances > _FARTHEST
        y = ops.exp(-gamma * ops.where(far, ops.zeros_like(distances), distances))
        y = ops.where(far, ops.full_like(y, math.exp(-_FARTHEST)), y)
        if training and self.trainable and self.repulsion_strength:
            self.add_loss(self._repulsion(centers))
        return ops.cast(ops.reshape(y, (*ops.shape(inputs)[:-1], self.units)), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def _repulsion(self, centers):
        others = 1 - ops.eye(self.units, dtype=centers.dtype)
        squares = others * _squared_distances(centers, centers)
        apart = squares > 0
        distances = ops.where(apart, ops.sqrt(ops.where(apart, squares, ops.ones_like(squares))), squares)
        missing = ops.relu(self.min_center_distance * (1 + self.safety_margin) - distances)
        strength = self.repulsion_strength * centers.shape[-1]
        return strength * mean_over(others * ops.square(missing), axis=(0, 1))


_FARTHEST = 50.0
_FEW = 16


def _squared_distances(x, centers):
    """`(rows, units)` of two matrices whose rows are vectors."""
    if x.shape[-1] <= _FEW:
        return ops.sum(ops.square(x[:, None] - centers), axis=-1)
    # The squares of what both have in common would leave no digits for the differences.
    middle = ops.stop_gradient(mean_over(centers, axis=0, keepdims=True))
    x, centers = x - middle, centers - middle
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True) + ops.sum(ops.square(centers), axis=-1)
    return at_least(squares - 2 * product(x, ops.transpose(centers)), 0.0)
