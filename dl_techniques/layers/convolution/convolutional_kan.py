from collections.abc import Callable

import keras
from keras import ops
from keras.initializers import RandomNormal

from dl_techniques._checks import check_choice, check_positive_int, check_rank, normalize_axes
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques._shapes import conv_output_shape, pair
from dl_techniques.utils.convolution import conv2d


@serializable
class ConvolutionalKAN(keras.layers.Layer):
    """Convolution whose kernel holds learned functions of one variable instead of numbers.

    The convolution of Kolmogorov-Arnold networks. Each function is a spline, here piecewise linear on `[-1, 1]` and
    constant outside, plus a SiLU.

    Formula, for the pixel `p` and the output channel `f`:
    `y[p, f] = activation(sum_{u, v, c} phi[u, v, c, f](x[p + (u, v), c]) + bias[f])` with
    `phi(t) = spline_weight * interpolate(t, control_points) + silu_weight * silu(t)`. The control points are the
    values at `grid_size + 1` equidistant knots. Computed as one convolution of the basis functions of all inputs, the
    basis in float32.

    Args:
        filters: int, number of output channels.
        kernel_size: int or pair of them, height and width of the kernel.
        grid_size: int > 1, number of intervals of a spline.
        strides: int or pair of them; not more than 1 together with a dilation.
        padding: "same", which adds pixels of value 0, or "valid".
        dilation_rate: int or pair of them, distance of neighbouring kernel elements.
        activation: activation of the output, or None.
        use_bias: bool, whether to add a bias to each output channel.
        kernel_initializer: initializer of `silu_weight`. Control points start normal with standard deviation 0.1,
            `spline_weight` at 1.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of `control_points`, `spline_weight` and `silu_weight`.
        bias_regularizer: regularizer of the bias, or None.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, new_height, new_width, filters)`.

    Example:

    >>> tuple(ConvolutionalKAN(filters=4, kernel_size=3, strides=2)(keras.random.normal((2, 9, 9, 3))).shape)
    (2, 5, 5, 4)

    References:
        - Bodner et al., "Convolutional Kolmogorov-Arnold Networks", arXiv:2406.13155
        - Liu et al., "KAN: Kolmogorov-Arnold Networks", arXiv:2404.19756
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        grid_size: int = 16,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        dilation_rate: int | tuple[int, int] = 1,
        activation: str | Callable | None = None,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(filters=filters, grid_size=grid_size)
        check_choice(("same", "valid"), padding=padding)
        if grid_size == 1:
            raise ValueError(f"`grid_size` must be greater than 1. Received: grid_size={grid_size}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.grid_size = grid_size
        self.strides = strides
        self.padding = padding
        self.dilation_rate = dilation_rate
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

        self._kernel_size = pair(kernel_size=kernel_size)
        self._strides = pair(strides=strides)
        self._dilation_rate = pair(dilation_rate=dilation_rate)
        if max(self._strides) > 1 and max(self._dilation_rate) > 1:
            raise ValueError(
                "Strides and dilation must not both be greater than 1. "
                f"Received: strides={strides}, dilation_rate={dilation_rate}"
            )

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.compute_output_shape(input_shape)  # Raises where the kernel is larger than the image.
        shape = (*self._kernel_size, input_shape[-1], self.filters)
        self.control_points = self.add_weight(
            name="control_points",
            shape=(*shape[:3], self.grid_size + 1, self.filters),
            initializer=RandomNormal(stddev=0.1),
            regularizer=self.kernel_regularizer,
        )
        self.spline_weight = self._weight("spline_weight", shape, "ones")
        self.silu_weight = self._weight("silu_weight", shape, self.kernel_initializer)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
            )
        super().build(input_shape)

    def call(self, inputs, training=None):
        kernel = self._kernel()
        # A convolution pads with zeros. They mean pixels of value 0 if the features of 0 are zeros; what is taken away
        # from the features for that makes the same difference everywhere.
        at_zero = self._features(ops.zeros((1, 1, 1, inputs.shape[-1]), dtype=inputs.dtype))
        features = ops.cast(self._features(inputs) - at_zero, inputs.dtype)
        outputs = conv2d(features, kernel, self._strides, self.padding, self._dilation_rate)
        difference = ops.sum(ops.reshape(at_zero, (-1, 1)) * at_least_float32(kernel), axis=(0, 1, 2))
        outputs = outputs + ops.cast(difference, outputs.dtype)
        return self.activation(outputs + self.bias if self.use_bias else outputs)

    def compute_output_shape(self, input_shape):
        pairs = zip(self._kernel_size, self._dilation_rate, strict=True)
        window = [(size - 1) * rate + 1 for size, rate in pairs]
        return conv_output_shape(input_shape, self.filters, window, self._strides, self.padding)

    def _features(self, x):
        """What the functions of the kernel are sums of, in float32: `grid_size + 2` new channels for each of `x`."""
        x = at_least_float32(x)
        features = ops.concatenate([_hats(x, self.grid_size), ops.silu(x)[..., None]], axis=-1)
        return ops.reshape(features, (*ops.shape(x)[:-1], x.shape[-1] * (self.grid_size + 2)))

    def _kernel(self):
        """How much each feature counts."""
        splines = ops.expand_dims(self.spline_weight, 3) * ops.convert_to_tensor(self.control_points)
        kernel = ops.concatenate([splines, ops.expand_dims(self.silu_weight, 3)], axis=3)
        return ops.reshape(kernel, (*self._kernel_size, -1, self.filters))

    def _weight(self, name, shape, initializer):
        return self.add_weight(name=name, shape=shape, initializer=initializer, regularizer=self.kernel_regularizer)


def _hats(x, intervals: int):
    """Linear B-splines on `[-1, 1]`, on a new last axis: how much each of `intervals + 1` knots counts at `x`."""
    position = (x[..., None] + 1.0) * (intervals / 2)
    ramps = _ramp(position - ops.arange(intervals, dtype=x.dtype))
    first = ramps[..., :1]
    ramps = ops.concatenate([ops.ones_like(first), ramps, ops.zeros_like(first)], axis=-1)
    return ramps[..., :-1] - ramps[..., 1:]


def _ramp(x):
    """`clip(x, 0, 1)`, but at 0 and at 1, where the backends differ in the gradient, it is the mean of both slopes."""
    near = ops.clip(x, -1.0, 2.0)
    slope = (ops.sign(near) - ops.sign(near - 1.0)) / 2
    return ops.stop_gradient(ops.clip(near, 0.0, 1.0)) + slope * (near - ops.stop_gradient(near))
