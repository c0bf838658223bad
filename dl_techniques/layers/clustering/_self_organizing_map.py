import math

import keras
from keras import ops

from dl_techniques._checks import (
    check_choice,
    check_fraction,
    check_last_axis,
    check_positive,
    check_positive_int,
    check_rank,
)
from dl_techniques._precision import at_least, at_least_float32, is_float64, product
from dl_techniques.layers.clustering._points import middle_of, nearness, state_dtype, steps_to_means

# Of the neighbourhood, in steps of the grid: the best matching neuron alone.
_MIN_SIGMA = 0.01


class SelfOrganizingMap(keras.layers.Layer):
    """A map of neurons on a grid of any number of axes."""

    def __init__(
        self,
        grid,
        input_dim,
        *,
        initial_learning_rate,
        decay_function,
        sigma,
        neighborhood_function,
        weights_initializer,
        rule,
        max_iterations,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(input_dim=input_dim, max_iterations=max_iterations)
        check_fraction(initial_learning_rate=initial_learning_rate)
        check_positive(sigma=sigma)
        check_choice(("gaussian", "bubble"), neighborhood_function=neighborhood_function)
        check_choice(("sequential", "batch"), rule=rule)
        if decay_function is not None and not callable(decay_function):
            raise ValueError(
                "`decay_function` must be a function of the number of iterations, or None. "
                f"Received: decay_function={decay_function!r}"
            )
        if weights_initializer == "sample":
            raise ValueError(
                "`weights_initializer` must be an initializer, or None. For samples as initial weights, call "
                f"`adapt(data)`. Received: weights_initializer={weights_initializer!r}"
            )
        self.input_dim = input_dim
        self.initial_learning_rate = initial_learning_rate
        self.decay_function = decay_function
        self.sigma = sigma
        self.neighborhood_function = neighborhood_function
        self.weights_initializer = keras.initializers.get(weights_initializer)
        self.rule = rule
        self.max_iterations = max_iterations
        self._grid = tuple(map(int, grid))

    def build(self, input_shape):
        check_rank(input_shape, 2)
        check_last_axis(input_shape, input_dim=self.input_dim)
        self.som_weights = self.add_weight(
            name="som_weights",
            shape=(*self._grid, self.input_dim),
            initializer=self.weights_initializer or keras.initializers.RandomUniform(0.0, 1.0),
            dtype=state_dtype(self),
            trainable=False,
            autocast=False,
        )
        self.iterations = self.add_weight(
            name="iterations", shape=(), initializer="zeros", dtype="int32", trainable=False
        )
        super().build(input_shape)

    def adapt(self, data, seed: int | None = None):
        """Starts the map anew with samples as weights: each is taken once before any is taken again.

        Args:
            data: tensor or array `(samples, input_dim)`.
            seed: int, or None.
        """
        if len(data.shape) != 2 or data.shape[0] < 1 or data.shape[1] != self.input_dim:
            raise ValueError(
                "`data` must be samples in the rows of a matrix, at least one. "
                f"Received: shape of data={tuple(data.shape)}, input_dim={self.input_dim}"
            )
        if not self.built:
            self.build((None, self.input_dim))
        order = keras.random.shuffle(ops.arange(data.shape[0], dtype="int32"), seed=seed)
        chosen = ops.take(order, ops.arange(math.prod(self._grid), dtype="int32") % data.shape[0])
        samples = ops.take(ops.convert_to_tensor(data), chosen, axis=0)
        self.som_weights.assign(ops.reshape(samples, self.som_weights.shape))
        self.iterations.assign(0)

    def call(self, inputs, training=None):
        x = at_least_float32(inputs)
        neurons = self._neurons()
        best = _first_maximum(nearness(x, neurons, middle_of(neurons)))
        error = _length(x - ops.take(neurons, best, axis=0))
        position = self._unravel(best)
        if training and self.trainable:
            self._move(ops.stop_gradient(x), position)
        return position, ops.cast(error, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self._grid)), (input_shape[0],)

    def compute_output_spec(self, inputs, training=None):
        position, error = self.compute_output_shape(inputs.shape)
        return keras.KerasTensor(position, "int32"), keras.KerasTensor(error, self.compute_dtype)

    def _neurons(self):
        return ops.reshape(at_least_float32(ops.convert_to_tensor(self.som_weights)), (-1, self.input_dim))

    def _unravel(self, index):
        """As `np.unravel_index`, on a new last axis."""
        strides = [math.prod(self._grid[axis + 1 :]) for axis in range(len(self._grid))]
        return ops.stack([index // stride % size for stride, size in zip(strides, self._grid, strict=True)], axis=-1)

    def _move(self, x, position):
        neurons = self._neurons()
        iterations = ops.convert_to_tensor(self.iterations)
        done = ops.cast(iterations, x.dtype)
        left = 1 - done / self.max_iterations
        neighborhood = self._neighborhood(position, at_least(self.sigma * left, _MIN_SIGMA))
        if self.rule == "batch":
            moved = neurons + steps_to_means(x, neighborhood, neurons)
        else:
            rate = self.initial_learning_rate * left
            if self.decay_function is not None:
                rate = ops.convert_to_tensor(self.decay_function(done), dtype=x.dtype)
            moved = _one_by_one(x, ops.clip(rate, 0.0, 1.0) * neighborhood, neurons)
        moved = ops.where(iterations < self.max_iterations, moved, neurons)
        self.som_weights.assign(ops.reshape(moved, self.som_weights.shape))
        self.iterations.assign(iterations + 1)

    def _neighborhood(self, position, sigma):
        """How much each sample moves each neuron, given the position of its best matching one."""
        square = 0
        for axis, size in enumerate(self._grid):
            steps = ops.cast(position[:, axis : axis + 1] - ops.arange(size, dtype="int32"), sigma.dtype)
            along = [size if other == axis else 1 for other in range(len(self._grid))]
            square = square + ops.reshape(ops.square(steps), (-1, *along))
        square = ops.reshape(square, (-1, math.prod(self._grid)))
        if self.neighborhood_function == "bubble":
            return ops.cast(square <= ops.square(sigma), sigma.dtype)
        return ops.exp(-square / (2 * ops.square(sigma)))


def _first_maximum(score):
    """Its index in each row. NaN is none: TensorFlow's `argmax` passes over it, that of the others stops at it."""
    score = ops.where(ops.isnan(score), -math.inf, score)
    if is_float64(score):  # Keras would compare it in float32.
        score = ops.cast(score == ops.max(score, axis=-1, keepdims=True), "int32")
    return ops.cast(ops.argmax(score, axis=-1), "int32")


def _one_by_one(x, rates, neurons):
    """What the neurons become as each sample in turn moves each of them by that share of what is between them.

    A sample moves a neuron by its rate, of which those after it leave their part.
    """
    ones = ops.ones_like(neurons[None, :, 0])
    factors = ops.concatenate([1 - rates, ones], axis=0)
    # Keras multiplies float64 in float32 on PyTorch.
    left = ops.cast(ops.flip(ops.cumprod(ops.flip(factors, axis=0), axis=0), axis=0), x.dtype)
    return left[0][:, None] * neurons + product(ops.transpose(rates * left[1:]), x)


def _length(x):
    """Of each row; the gradient at 0 is 0."""
    square = ops.sum(ops.square(x), axis=-1)
    zero = square == 0
    return ops.where(zero, 0.0, ops.sqrt(ops.where(zero, 1.0, square)))
