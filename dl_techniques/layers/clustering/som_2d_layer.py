from collections.abc import Callable

import keras
from keras import ops

from dl_techniques._serialization import serializable
from dl_techniques._shapes import pair
from dl_techniques.layers.clustering._self_organizing_map import SelfOrganizingMap


@serializable
class SOM2dLayer(SelfOrganizingMap):
    """Self-organizing map on a grid of rows and columns, the kind that can be drawn.

    It is `SOMLayer` with two axes: see there for the formula, and for `adapt`.

    Args:
        map_size: int or pair of them, number of rows and of columns.
        input_dim: int, number of features.
        initial_learning_rate: float in (0, 1], the rate at the beginning; it falls to 0 along a line.
        decay_function: what gives the rate for the number of calls done instead: a schedule of
            `keras.optimizers.schedules`, or a function that Keras can save.
        sigma: float > 0, width of the neighbourhood at the beginning, in steps of the grid.
        neighborhood_function: "gaussian" or "bubble".
        weights_initializer: initializer of `som_weights`; None draws from a uniform distribution on [0, 1).
        rule: "sequential" or "batch".
        max_iterations: int, number of calls in training after which nothing moves.

    Input shape:
        `(batch, input_dim)`

    Output shape:
        A pair: row and column of the nearest neuron, int32 `(batch, 2)`; the distance to it `(batch,)`.

    Example:

    >>> som = SOM2dLayer((2, 3), input_dim=1, initial_learning_rate=0.5, weights_initializer="zeros")
    >>> position, error = som(keras.ops.convert_to_tensor([[1.0]]), training=True)
    >>> print(keras.ops.convert_to_numpy(som.get_weights_as_grid())[:, :, 0].round(4))
    [[0.5    0.3033 0.0677]
     [0.3033 0.1839 0.041 ]]

    References:
        - Kohonen, "Self-organized formation of topologically correct feature maps", Biological Cybernetics 43, 1982
        - Kohonen, "The self-organizing map", Proceedings of the IEEE 78(9), 1990
    """

    def __init__(
        self,
        map_size: int | tuple[int, int],
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
        super().__init__(
            pair(map_size=map_size),
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
        self.map_size = map_size

    def get_weights_as_grid(self):
        """Returns the weights of a built map, `(rows, columns, input_dim)`."""
        return ops.convert_to_tensor(self.som_weights)
