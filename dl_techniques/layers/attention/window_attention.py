import math

import keras
import numpy as np
from keras import ops

from dl_techniques._checks import (
    check_divisible,
    check_last_axis,
    check_number,
    check_positive_int,
    check_rank,
    check_rate,
)
from dl_techniques._initializers import derived_seed, fresh
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._serialization import serializable
from dl_techniques._shapes import pair
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import (
    attend,
    join_masks,
    merge_heads,
    padding_mask,
    split_query_key_value,
)


@serializable
class WindowAttention(AttentionLayer):
    """Self-attention inside the windows of an image, with a learned bias for each relative position.

    The cost grows with the number of windows, not with the square of the number of pixels. Windows that are shifted
    between layers let information pass; the mask then keeps apart what is no neighbour in the image.

    Formula: `softmax(qk_scale q k^T + bias) v`, where
    `bias[i, j] = table[(y_i - y_j + M - 1) (2 N - 1) + (x_i - x_j + N - 1)]` for the tokens `i` and `j` at `(y, x)`
    in a window of `M x N` tokens, row by row.

    Args:
        dim: int, size of the features.
        window_size: int or pair of them, height `M` and width `N` of a window in tokens.
        num_heads: int, number of heads; divides `dim`.
        qkv_bias: bool, whether queries, keys and values have a bias.
        qk_scale: float, factor of the scores. `None` means `1 / sqrt(dim / num_heads)`.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        dropout_rate: float in [0, 1), dropout of the output.
        proj_bias: bool, whether the output projection has a bias.
        kernel_initializer: initializer of the two projections. The authors draw from a truncated normal
            distribution of 0.02, `keras.initializers.TruncatedNormal(stddev=0.02)`; "glorot_uniform" is Keras' own.
        bias_initializer: initializer of their biases.
        kernel_regularizer: regularizer of the two projections, or None.
        bias_regularizer: regularizer of their biases, or None. The table of position biases has none.
        seed: int or `None`, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch * windows, M * N, dim)`, the windows of one image next to each other.
        attention_mask: tensor `(windows, M * N, M * N)`, the same for each image of the batch: boolean, true where a
            token (row) may look at another (column), or a float that is added to the scores. A token that a boolean
            mask lets look at nothing gets zeros.
        mask: boolean tensor `(batch * windows, M * N)`, Keras' automatic padding mask; hides tokens from the others.
        training: bool, whether to apply dropout.
        return_attention_scores: bool, whether to return the pair of output and attention weights before dropout,
            `(batch * windows, heads, M * N, M * N)`.

    Input shape:
        `(batch * windows, M * N, dim)`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = WindowAttention(dim=8, window_size=4, num_heads=2)
    >>> tuple(layer(keras.random.normal((6, 16, 8))).shape)
    (6, 16, 8)

    References:
        Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", arXiv:2103.14030
    """

    def __init__(
        self,
        dim: int,
        window_size: int | tuple[int, int],
        *,
        num_heads: int,
        qkv_bias: bool = True,
        qk_scale: float | None = None,
        attention_dropout_rate: float = 0.0,
        dropout_rate: float = 0.0,
        proj_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads)
        check_divisible(dim=dim, num_heads=num_heads)
        if qk_scale is not None:
            check_number(qk_scale=qk_scale)
        check_rate(attention_dropout_rate=attention_dropout_rate, dropout_rate=dropout_rate)
        self.dim = dim
        self.window_size = window_size
        self.num_heads = num_heads
        self.qkv_bias = qkv_bias
        self.qk_scale = qk_scale
        self.attention_dropout_rate = attention_dropout_rate
        self.dropout_rate = dropout_rate
        self.proj_bias = proj_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.seed = seed
        self.supports_masking = True

        self._window = pair(window_size=window_size)
        self._num_tokens = math.prod(self._window)
        dtype = self.dtype_policy
        self.qkv = self._projection(3 * dim, qkv_bias, "qkv", 0)
        self.proj = self._projection(dim, proj_bias, "proj", 1)
        self.attention_dropout = Dropout(attention_dropout_rate, seed=seed, name="attention_dropout", dtype=dtype)
        self.dropout = Dropout(dropout_rate, seed=derived_seed(seed, 1), name="dropout", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 3)
        check_last_axis(input_shape, dim=self.dim)
        if input_shape[1] != self._num_tokens:
            raise ValueError(
                f"The second axis must hold the tokens of a window. "
                f"Received: window_size={self.window_size}, input_shape={tuple(input_shape)}"
            )
        self.qkv.build(input_shape)
        self.proj.build(input_shape)
        height, width = self._window
        self.relative_position_bias_table = self.add_weight(
            name="relative_position_bias_table",
            shape=((2 * height - 1) * (2 * width - 1), self.num_heads),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )
        index = _relative_position_index(height, width)
        self.relative_position_index = self.add_weight(
            name="relative_position_index",
            shape=index.shape,
            initializer=lambda shape, dtype: ops.convert_to_tensor(index, dtype=dtype),
            trainable=False,
            dtype="int32",
            autocast=False,
        )
        super().build(input_shape)

    def call(self, inputs, attention_mask=None, mask=None, training=None, return_attention_scores=False):
        query, key, value = split_query_key_value(self.qkv(inputs), self.num_heads)
        mask, bias = padding_mask(mask), self._relative_position_bias()
        if attention_mask is not None:
            attention_mask = self._one_per_window(attention_mask, inputs)
            if keras.backend.standardize_dtype(attention_mask.dtype) == "bool":
                mask = join_masks(mask, attention_mask)
            else:
                bias = bias + ops.cast(attention_mask, bias.dtype)
        attended = attend(
            query,
            key,
            value,
            mask=mask,
            bias=bias,
            scale=self.qk_scale,
            dropout=self.attention_dropout,
            training=training,
            return_weights=return_attention_scores,
        )
        heads, weights = attended if return_attention_scores else (attended, None)
        y = self.dropout(self.proj(merge_heads(heads)), training=training)
        return (y, weights) if return_attention_scores else y

    def compute_output_shape(self, input_shape):
        return input_shape

    def _projection(self, units: int, use_bias: bool, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            bias_initializer=fresh(self.bias_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _relative_position_bias(self):
        """`(1, heads, tokens, tokens)`."""
        table = ops.transpose(self.relative_position_bias_table)
        bias = ops.take(table, ops.reshape(self.relative_position_index, (-1,)), axis=1)
        return ops.reshape(bias, (1, self.num_heads, self._num_tokens, self._num_tokens))

    def _one_per_window(self, attention_mask, inputs):
        """Repeats `(windows, tokens, tokens)` for each image: `(batch * windows, 1, tokens, tokens)`."""
        windows, rows = attention_mask.shape[0], inputs.shape[0]
        fits = tuple(attention_mask.shape[1:]) == (self._num_tokens, self._num_tokens)
        if not fits or (isinstance(rows, int) and rows % windows):
            raise ValueError(
                "`attention_mask` must have the shape (windows, tokens, tokens), where the number of "
                f"windows divides the first axis of the input. Received: attention_mask.shape="
                f"{tuple(attention_mask.shape)}, window_size={self.window_size}, inputs.shape={tuple(inputs.shape)}"
            )
        return ops.tile(attention_mask[:, None], (ops.shape(inputs)[0] // windows, 1, 1, 1))


def _relative_position_index(height: int, width: int) -> np.ndarray:
    """The row of the bias table for each pair of tokens."""
    y, x = np.divmod(np.arange(height * width), width)
    difference_y = y[:, None] - y[None, :] + height - 1
    difference_x = x[:, None] - x[None, :] + width - 1
    return difference_y * (2 * width - 1) + difference_x
