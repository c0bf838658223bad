from collections.abc import Callable, Sequence

import keras
from keras import ops

from dl_techniques._checks import check_last_axis, check_min_rank, check_numbers, check_positive_int
from dl_techniques._initializers import fresh
from dl_techniques._precision import at_least_float32, product
from dl_techniques._serialization import serializable
from dl_techniques.layers.kan._splines import b_splines
from dl_techniques.utils.tensors import reshape


@serializable
class KANLinear(keras.layers.Layer):
    """Layer of a Kolmogorov-Arnold network: a learned function of one variable in the place of each weight.

    Each function is a B-spline on a grid, plus an activation. For functions that are smooth in each variable; an
    ordinary dense layer of equally many weights is much faster, and so is `PowerMLPLayer`.

    Formula: `y_o = sum_i (base_weight_io * activation(x_i) + spline_scaler_io * sum_m spline_weight_mio * B_m(x_i))`.
    The `B_m` are the `grid_size + spline_order - 1` B-splines of degree `spline_order` on `grid_size` equidistant
    knots, from one end of `grid_range` to the other, with `spline_order` more knots at each end. Outside of the range
    a spline has the value of the nearest end. Activation and B-splines are computed in float32 and cast back.

    The values of the B-splines take `grid_size + spline_order - 1` times the memory of the input.

    Args:
        in_features: int, size of the input features.
        out_features: int, size of the output features.
        grid_size: int >= 2, number of knots in `grid_range`, both ends included; not less than `spline_order`.
        spline_order: int >= 1, degree of the splines.
        grid_range: pair of floats, where the splines bend.
        activation: activation that each function has besides its spline.
        kernel_initializer: initializer of `base_weight`.
        spline_initializer: initializer of `spline_weight`. The default is the normal distribution with the standard
            deviation 0.1 of the paper. `spline_scaler` starts at 1.
        kernel_regularizer: regularizer of `base_weight`, or None; L2(0.01) by default.
        spline_regularizer: regularizer of `spline_weight`, or None; L2(0.01) by default.

    Input shape:
        `(batch, ..., in_features)`.

    Output shape:
        `(batch, ..., out_features)`.

    Example:

    >>> layer = KANLinear(in_features=1, out_features=1, grid_size=3, spline_order=1)
    >>> layer.build((None, 1))
    >>> _ = layer.base_weight.assign([[0.0]])
    >>> _ = layer.spline_weight.assign([[[3.0]], [[0.0]], [[1.0]]])  # The values at -1, 0 and 1.
    >>> y = layer(keras.ops.array([[-1.0], [-0.5], [0.0], [0.5], [7.0]]))
    >>> print(keras.ops.convert_to_numpy(y).ravel())
    [3.  1.5 0.  0.5 1. ]

    References:
        - Liu et al., "KAN: Kolmogorov-Arnold Networks", arXiv:2404.19756
        - de Boor, "A Practical Guide to Splines", 1978
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
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
        check_positive_int(
            in_features=in_features, out_features=out_features, grid_size=grid_size, spline_order=spline_order
        )
        if grid_size < max(2, spline_order):
            raise ValueError(
                "`grid_size` must be at least 2 and not less than `spline_order`. "
                f"Received: grid_size={grid_size}, spline_order={spline_order}"
            )
        check_numbers(grid_range=grid_range)
        if len(grid_range) != 2 or not grid_range[0] < grid_range[1]:
            raise ValueError(f"`grid_range` must be two increasing numbers. Received: grid_range={grid_range!r}")
        self.in_features = in_features
        self.out_features = out_features
        self.grid_size = grid_size
        self.spline_order = spline_order
        self.grid_range = grid_range
        self.activation = keras.activations.get(activation)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.spline_initializer = keras.initializers.get(spline_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.spline_regularizer = keras.regularizers.get(spline_regularizer)
        self.supports_masking = True

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        check_last_axis(input_shape, in_features=self.in_features)
        edges = (self.in_features, self.out_features)
        self.base_weight = self.add_weight(
            name="base_weight", shape=edges, initializer=self.kernel_initializer, regularizer=self.kernel_regularizer
        )
        self.spline_weight = self.add_weight(
            name="spline_weight",
            shape=(self.grid_size + self.spline_order - 1, *edges),
            initializer=fresh(self.spline_initializer, 1),
            regularizer=self.spline_regularizer,
        )
        self.spline_scaler = self.add_weight(name="spline_scaler", shape=edges, initializer="ones")
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = at_least_float32(reshape(inputs, (-1, self.in_features)))
        base = ops.cast(self.activation(x), inputs.dtype)
        basis = ops.cast(b_splines(x, self.grid_size - 1, self.spline_order, *self.grid_range), inputs.dtype)
        splines = ops.convert_to_tensor(self.spline_weight) * ops.convert_to_tensor(self.spline_scaler)
        splines = reshape(splines, (-1, self.out_features))
        outputs = product(base, ops.convert_to_tensor(self.base_weight))
        outputs = outputs + product(reshape(basis, (-1, splines.shape[0])), splines)
        return reshape(outputs, (*ops.shape(inputs)[:-1], self.out_features))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.out_features)
