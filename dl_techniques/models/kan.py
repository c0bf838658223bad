from collections.abc import Callable, Sequence

import keras

from dl_techniques._checks import check_last_axis, check_min_rank, check_positive_ints
from dl_techniques._initializers import fresh
from dl_techniques._serialization import serializable
from dl_techniques.layers.kan.kan_linear import KANLinear


@serializable
class KAN(keras.Model):
    """Kolmogorov-Arnold network: learned functions of one variable and their sums, one layer after the other.

    For regression on a few variables, where it takes fewer weights than a multilayer perceptron and its functions can
    be looked at; on many variables it is slow.

    Formula: `y = layer_L(... layer_1(x))`, each layer a `KANLinear`.

    Args:
        features: the sizes of the features, from the input's to the output's: `[2, 5, 1]` has two layers.
        grid_size: int >= 2, number of knots of each spline in `grid_range`; not less than `spline_order`.
        spline_order: int >= 1, degree of the splines.
        grid_range: pair of floats, where the splines of all layers bend. Outside they are constant: scale the inputs
            to it.
        activation: activation that each function has besides its spline.
        kernel_initializer: initializer of the weights of the activations.
        spline_initializer: initializer of the weights of the splines.
        kernel_regularizer: regularizer of the weights of the activations, or None; L2(0.01) by default.
        spline_regularizer: regularizer of the weights of the splines, or None; L2(0.01) by default.

    Input shape:
        `(batch, ..., features[0])`.

    Output shape:
        `(batch, ..., features[-1])`.

    Example:

    >>> model = KAN([2, 5, 1])
    >>> tuple(model(keras.random.uniform((8, 2), -1, 1)).shape)
    (8, 1)

    References:
        Liu et al., "KAN: Kolmogorov-Arnold Networks", arXiv:2404.19756
    """

    def __init__(
        self,
        features: Sequence[int],
        *,
        grid_size: int = 5,
        spline_order: int = 3,
        grid_range: Sequence[float] = (-1.0, 1.0),
        activation: str | Callable | None = "silu",
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        spline_initializer: str | keras.initializers.Initializer = keras.initializers.RandomNormal(stddev=0.1),  # noqa: B008
        kernel_regularizer: str | keras.regularizers.Regularizer | None = keras.regularizers.L2(0.01),  # noqa: B008
        spline_regularizer: str | keras.regularizers.Regularizer | None = keras.regularizers.L2(0.01),  # noqa: B008
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_ints(features=features)
        if len(features) < 2:
            raise ValueError(f"`features` must name an input and an output at least. Received: features={features!r}")
        self.features = features
        self.grid_size = grid_size
        self.spline_order = spline_order
        self.grid_range = grid_range
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.spline_initializer = keras.initializers.get(spline_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.spline_regularizer = keras.regularizers.get(spline_regularizer)
        self.supports_masking = True

        self.kan_layers = [self._layer(index) for index in range(len(features) - 1)]

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        check_last_axis(input_shape, in_features=self.features[0])
        for layer in self.kan_layers:
            layer.build((*input_shape[:-1], layer.in_features))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        for layer in self.kan_layers:
            x = layer(x, training=training)
        return x

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.features[-1])

    def _layer(self, index: int) -> KANLinear:
        return KANLinear(
            self.features[index],
            self.features[index + 1],
            grid_size=self.grid_size,
            spline_order=self.spline_order,
            grid_range=self.grid_range,
            activation=self.activation,
            kernel_initializer=fresh(self.kernel_initializer, index),
            spline_initializer=fresh(self.spline_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            spline_regularizer=self.spline_regularizer,
            name=f"kan_layer_{index}",
            dtype=self.dtype_policy,
        )
