import math

import keras
from keras import ops

from dl_techniques._checks import (
    check_divisible,
    check_last_axis,
    check_non_negative_int,
    check_positive,
    check_positive_int,
    check_rank,
    check_rate,
    normalize_axes,
)
from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._keras_layers import LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention.window_attention import WindowAttention
from dl_techniques.layers.ffn.swin_mlp import SwinMLP
from dl_techniques.layers.regularization.stochastic_depth import StochasticDepth
from dl_techniques.utils.tensors import reshape, window_partition, window_reverse, zero_pad


@serializable
class SwinTransformerBlock(keras.layers.Layer):
    """Transformer layer on an image, with attention inside windows that may be shifted.

    The cost of attention grows with the number of pixels instead of its square. Blocks alternate between windows that
    are not shifted and windows that are shifted by half their size, so that information passes from one to the next.

    Formula: `y = x + drop_path(attention(norm(x)))`, `z = y + drop_path(mlp(norm(y)))`. Attention rolls the image by
    `-shift_size` along both axes, cuts it into windows and rolls back. What the roll brings together in one window
    without being neighbours does not see each other.

    Images whose sizes are no multiples of the window are padded with zeros at the bottom and at the right, after the
    norm. Along an axis on which the image fits into one window, the window has the image's size and is not shifted.

    Args:
        dim: int, size of the features.
        num_heads: int, number of attention heads; divides `dim`.
        window_size: int, height and width of a window.
        shift_size: int in [0, window_size).
        mlp_ratio: float > 0; the network has `int(dim * mlp_ratio)` features in between.
        qkv_bias: bool, whether queries, keys and values have a bias.
        dropout_rate: float in [0, 1), dropout of what attention and the network return, and inside the network.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        drop_path_rate: float in [0, 1), the probability of dropping a branch for a sample.
        activation: activation of the network; "gelu" is the exact one.
        use_bias: bool, whether norms, network and the projection of attention have biases.
        kernel_initializer: initializer of the kernels. The authors draw from a truncated normal
            distribution of 0.02, `keras.initializers.TruncatedNormal(stddev=0.02)`; "glorot_uniform" is Keras' own.
        bias_initializer: initializer of the biases of attention and network.
        kernel_regularizer: regularizer of the kernels, or None.
        bias_regularizer: regularizer of the biases of attention and network, or None.
        seed: int or None, seed of the dropouts.

    Input shape:
        `(batch, height, width, dim)` with known height and width.

    Output shape:
        Same as the input.

    Example:

    >>> block = SwinTransformerBlock(dim=16, num_heads=4, window_size=4, shift_size=2)
    >>> tuple(block(keras.random.normal((2, 10, 12, 16))).shape)
    (2, 10, 12, 16)

    References:
        Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", arXiv:2103.14030
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        *,
        window_size: int = 7,
        shift_size: int = 0,
        mlp_ratio: float = 4.0,
        qkv_bias: bool = True,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        activation="gelu",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads, window_size=window_size)
        check_divisible(dim=dim, num_heads=num_heads)
        check_non_negative_int(shift_size=shift_size)
        if shift_size >= window_size:
            raise ValueError(
                f"`shift_size` must be less than `window_size`. Received: shift_size={shift_size}, "
                f"window_size={window_size}"
            )
        check_positive(mlp_ratio=mlp_ratio)
        check_rate(
            dropout_rate=dropout_rate, attention_dropout_rate=attention_dropout_rate, drop_path_rate=drop_path_rate
        )
        self.dim = dim
        self.num_heads = num_heads
        self.window_size = window_size
        self.shift_size = shift_size
        self.mlp_ratio = mlp_ratio
        self.qkv_bias = qkv_bias
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.seed = seed

        dtype = self.dtype_policy
        self.attention_norm = LayerNormalization(epsilon=1e-5, center=use_bias, name="attention_norm", dtype=dtype)
        self.drop_path1 = StochasticDepth(drop_path_rate, derived_seed(seed, 2), name="drop_path1", dtype=dtype)
        self.mlp_norm = LayerNormalization(epsilon=1e-5, center=use_bias, name="mlp_norm", dtype=dtype)
        self.mlp = SwinMLP(
            int(dim * mlp_ratio),
            activation=self.activation,
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer, 2),
            bias_initializer=fresh(self.bias_initializer, 2),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            seed=derived_seed(seed, 3),
            name="mlp",
            dtype=dtype,
        )
        self.drop_path2 = StochasticDepth(drop_path_rate, derived_seed(seed, 5), name="drop_path2", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        check_last_axis(input_shape, dim=self.dim)
        normalize_axes((1, 2), input_shape)
        # What fits into one window needs no shift, and a table of biases for its own size only.
        sizes = input_shape[1:3]
        self._window = tuple(min(self.window_size, size) for size in sizes)
        self._shift = tuple(0 if size <= self.window_size else self.shift_size for size in sizes)
        self.attention = WindowAttention(
            self.dim,
            self._window,
            num_heads=self.num_heads,
            qkv_bias=self.qkv_bias,
            attention_dropout_rate=self.attention_dropout_rate,
            dropout_rate=self.dropout_rate,
            proj_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            seed=self.seed,
            name="attention",
            dtype=self.dtype_policy,
        )
        self.attention_norm.build(input_shape)
        self.attention.build((None, math.prod(self._window), self.dim))
        self.mlp_norm.build(input_shape)
        self.mlp.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs + self.drop_path1(self._attend(self.attention_norm(inputs), training), training=training)
        return x + self.drop_path2(self.mlp(self.mlp_norm(x), training=training), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _attend(self, x, training):
        rows, columns = self._window
        height, width = x.shape[1:3]
        padded_height, padded_width = height + -height % rows, width + -width % columns
        x = zero_pad(zero_pad(x, 1, after=padded_height - height), 2, after=padded_width - width)
        mask = None
        axes = tuple(axis for axis, shift in enumerate(self._shift, 1) if shift)
        shifts = tuple(shift for shift in self._shift if shift)
        if axes:
            x = ops.roll(x, tuple(-shift for shift in shifts), axis=axes)
            mask = shifted_window_mask(padded_height, padded_width, self._window, self._shift)
        windows = reshape(window_partition(x, self._window), (-1, rows * columns, self.dim))
        windows = self.attention(windows, attention_mask=mask, training=training)
        windows = reshape(windows, (-1, rows, columns, self.dim))
        x = window_reverse(windows, self._window, padded_height, padded_width)
        if axes:
            x = ops.roll(x, shifts, axis=axes)
        return x[:, :height, :width]


def shifted_window_mask(height: int, width: int, window: tuple[int, int], shift: tuple[int, int]):
    """Which tokens of a window were neighbours before the roll: boolean `(windows, tokens, tokens)`."""
    regions = 3 * _strips(height, window[0], shift[0])[:, None] + _strips(width, window[1], shift[1])
    regions = reshape(window_partition(regions[None, :, :, None], window), (-1, window[0] * window[1]))
    return regions[:, :, None] == regions[:, None, :]


def _strips(size: int, window_size: int, shift_size: int):
    """0, then 1 for the rest of the last window, then 2 for what the roll has brought from the other side."""
    position = ops.arange(size, dtype="int32")
    return ops.cast(position >= size - window_size, "int32") + ops.cast(position >= size - shift_size, "int32")
