import keras
from keras import ops

from dl_techniques._checks import check_min_rank, check_positive_int, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._serialization import serializable


@serializable
class PowerMLPLayer(keras.layers.Layer):
    """Dense layer with powers of rectifiers, in the place of the splines of a Kolmogorov-Arnold network.

    The sum of two dense parts: one is followed by a power of the rectifier, the other one comes after the basis
    function of such networks. On a bounded range, networks of these layers represent all that splines of degree `k`
    do, at about the cost of dense layers. Powers grow quickly from layer to layer: scale the inputs to about 1.

    Formula: `y = max(0, W x + b)^k + V silu(x)`

    Args:
        units: int, size of the output features.
        k: int >= 1, the power.
        use_bias: bool, whether to add `b`.
        kernel_initializer: initializer of `W` and `V`.
        bias_initializer: initializer of `b`.
        kernel_regularizer: regularizer of `W` and `V`, or None.
        bias_regularizer: regularizer of `b`, or None.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.

    Example:

    >>> layer = PowerMLPLayer(units=1, k=3)
    >>> layer.build((None, 1))
    >>> _ = layer.main_dense.kernel.assign([[2.0]])
    >>> _ = layer.basis_dense.kernel.assign([[1.0]])
    >>> y = layer(keras.ops.array([[-1.0], [0.0], [1.0]]))
    >>> print(keras.ops.convert_to_numpy(y).ravel().round(4))
    [-0.2689  0.      8.7311]

    References:
        Qiu et al., "PowerMLP: An Efficient Version of KAN", arXiv:2412.13571
    """

    def __init__(
        self,
        units: int,
        k: int = 3,
        *,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(units=units, k=k)
        self.units = units
        self.k = k
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.supports_masking = True

        common = {"kernel_regularizer": self.kernel_regularizer, "dtype": self.dtype_policy}
        self.main_dense = Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer, 0),
            bias_initializer=self.bias_initializer,
            bias_regularizer=self.bias_regularizer,
            name="main_dense",
            **common,
        )
        self.basis_dense = Dense(
            units, use_bias=False, kernel_initializer=fresh(self.kernel_initializer, 1), name="basis_dense", **common
        )

    def build(self, input_shape):
        check_min_rank(input_shape, 2)
        normalize_axes(-1, input_shape)
        self.main_dense.build(input_shape)
        self.basis_dense.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        rectified = power = ops.relu(self.main_dense(inputs))
        for _ in range(self.k - 1):
            power = power * rectified
        return power + self.basis_dense(ops.silu(inputs))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)
