from collections.abc import Callable, Sequence

import keras
from keras import ops

from dl_techniques._checks import check_positive_ints
from dl_techniques._serialization import serializable
from dl_techniques.layers.clustering._self_organizing_map import SelfOrganizingMap


@serializable
class SOMLayer(SelfOrganizingMap):
    """Self-organizing map: neurons on a grid that take the shape of the data, neighbours near each other.

    For pictures of high-dimensional data, vector quantization, and novelty: what is far from every neuron is new. It
    tells the position of the neuron nearest to each sample, and the distance to it. The neurons are no trainable
    weights: each call in training moves them, while the layer is trainable. `adapt(data)` starts with samples.

    Formula, computed in float32, for the sample `x_i` and its nearest neuron `b_i` before the call:
    `h[i, m] = exp(-d^2 / (2 s^2))`, with `d` the distance of neuron `m` from `b_i` on the grid; or 1 where `d <= s`,
    else 0 ("bubble"). With `t` calls in training done, `r = 1 - t / max_iterations` and `s = max(sigma * r, 0.01)`.

    - "sequential": each sample in turn does `w_m <- w_m + rate * h[i, m] * (x_i - w_m)`, with
      `rate = initial_learning_rate * r`. Computed for all samples at once:
      `w_m <- w_m * prod_i (1 - a_i) + sum_i a_i * prod_{j > i} (1 - a_j) * x_i`, `a_i = rate * h[i, m]`.
    - "batch": `w_m <- sum_i h[i, m] x_i / sum_i h[i, m]`. Where that sum is zero the neuron stays.

    Needs memory for a few numbers for each pair of sample and neuron.

    Args:
        grid_shape: list of ints, the number of neurons along each axis of the grid.
        input_dim: int, number of features.
        initial_learning_rate: float in (0, 1], the rate at the beginning; it falls to 0 along a line. Only for
            "sequential", as is `decay_function`.
        decay_function: what gives the rate, cut to [0, 1], for the number of calls done, a float: a schedule of
            `keras.optimizers.schedules`, or a function. To load what was saved, Keras must know the function: see
            `keras.saving.register_keras_serializable`. None for the line.
        sigma: float > 0, width of the neighbourhood at the beginning, in steps of the grid.
        neighborhood_function: "gaussian" or "bubble".
        weights_initializer: initializer of `som_weights`; None draws from a uniform distribution on [0, 1).
        rule: "sequential" or "batch".
        max_iterations: int, number of calls in training after which nothing moves.

    Input shape:
        `(batch, input_dim)`

    Output shape:
        A pair: positions on the grid, int32 `(batch, len(grid_shape))`; distances `(batch,)`, the quantization
        errors. Gradients pass the distances.

    Example:

    >>> som = SOMLayer((3, 1, 2), input_dim=1, initial_learning_rate=0.5, weights_initializer="zeros")
    >>> position, error = som(keras.ops.convert_to_tensor([[1.0]]), training=True)
    >>> print(keras.ops.convert_to_numpy(position), keras.ops.convert_to_numpy(error))
    [[0 0 0]] [1.]
    >>> print(keras.ops.convert_to_numpy(som.get_weights_map())[:, 0, :, 0].round(4))
    [[0.5    0.3033]
     [0.3033 0.1839]
     [0.0677 0.041 ]]

    References:
        - Kohonen, "Self-organized formation of topologically correct feature maps", Biological Cybernetics 43, 1982
        - Kohonen, "The self-organizing map", Proceedings of the IEEE 78(9), 1990
    """

    def __init__(
        self,
        grid_shape: Sequence[int],
        input_dim: int,
        *,
        initial_learning_rate: float = 0.1,
        decay_function: Callable | None = None,
        sigma: float = 1.0,
        neighborhood_function: str = "gaussian",
        weights_initializer: str | keras.initializers.Initializer | None = None,
        rule: str = "sequential",
        max_iterations: int = 1000,
        **kwargs,
    ):
        check_positive_ints(grid_shape=grid_shape)
        super().__init__(
            grid_shape,
            input_dim,
            initial_learning_rate=initial_learning_rate,
            decay_function=decay_function,
            sigma=sigma,
            neighborhood_function=neighborhood_function,
            weights_initializer=weights_initializer,
            rule=rule,
            max_iterations=max_iterations,
            **kwargs,
        )
        self.grid_shape = grid_shape

    def get_weights_map(self):
        """Returns the weights of a built map, `(*grid_shape, input_dim)`."""
        return ops.convert_to_tensor(self.som_weights)
