import keras
from keras import ops

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import check_choice, check_positive_int, check_rank, check_rate, normalize_axes
from dl_techniques._keras_layers import Dense, Dropout, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import attend
from dl_techniques.layers.convolution import DepthwiseConv2D
from dl_techniques.utils.tensors import reshape

_MODES = ("gaussian", "dot_product")
_NORMALIZATIONS = ("batch", "layer", None)


@serializable
class NonLocalAttention(AttentionLayer):
    """Every pixel of an image takes from all pixels, near or far, what resembles it.

    Convolutions see one neighbourhood at a time; here one layer relates the whole image. A depthwise convolution
    and a normalization prepare the pixels.

    Formula: `y_i = sum_j f(q_i, k_j) v_j / sum_j f(q_i, k_j)` with `f = exp(q_i . k_j)` ("gaussian"), or
    `y_i = sum_j (q_i . k_j) v_j / (height * width)` ("dot_product"), then `dropout(output_activation(W_o y))`. With
    `h = norm(activation(depthwise(x)))`, the queries are `W_q h`, the keys `activation(W_k h)`, the values `W_v h`.

    Args:
        attention_channels: int, size of queries, keys and values.
        kernel_size: int or pair of them, size of the depthwise kernel.
        use_bias: bool, whether the convolution and the four projections have biases.
        normalization: "batch", "layer" or `None`.
        intermediate_activation: the activation behind the depthwise convolution and of the keys.
        output_activation: activation of the output.
        output_channels: int, number of output channels. `None` means as many as the input has.
        dropout_rate: float in [0, 1), dropout of the output.
        attention_mode: "gaussian", which is a softmax of unscaled scores and what the paper calls embedded Gaussian,
            as queries and keys are projected, or "dot_product".
        use_residual: bool, whether to add the input, as the paper does. The output projection then starts at zero, so
            that the layer starts as the identity.
        seed: int or `None`, seed of the dropout.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`.
        training: bool, whether to apply dropout, and whether batch normalization uses the batch's statistics.
        return_attention_scores: bool, whether to return the pair of output and what each pixel (row) takes of each
            value (column), `(batch, 1, pixels, pixels)`.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, height, width, output_channels)`.

    Example:

    >>> layer = NonLocalAttention(attention_channels=8, output_channels=24)
    >>> tuple(layer(keras.random.normal((2, 7, 7, 16))).shape)
    (2, 7, 7, 24)

    References:
        Wang et al., "Non-local Neural Networks", arXiv:1711.07971
    """

    def __init__(
        self,
        attention_channels: int,
        kernel_size: int | tuple[int, int] = 7,
        *,
        use_bias: bool = False,
        normalization: str | None = "batch",
        intermediate_activation="relu",
        output_activation="linear",
        output_channels: int | None = None,
        dropout_rate: float = 0.0,
        attention_mode: str = "gaussian",
        use_residual: bool = False,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(attention_channels=attention_channels)
        if normalization not in _NORMALIZATIONS:
            raise ValueError(f"`normalization` must be one of {_NORMALIZATIONS}. Received: {normalization=}")
        if output_channels is not None:
            check_positive_int(output_channels=output_channels)
        check_rate(dropout_rate=dropout_rate)
        check_choice(_MODES, attention_mode=attention_mode)
        self.attention_channels = attention_channels
        self.kernel_size = kernel_size
        self.use_bias = use_bias
        self.normalization = normalization
        self.intermediate_activation = keras.activations.get(intermediate_activation)
        self.output_activation = keras.activations.get(output_activation)
        self.output_channels = output_channels
        self.dropout_rate = dropout_rate
        self.attention_mode = attention_mode
        self.use_residual = use_residual
        self.seed = seed

        dtype = self.dtype_policy
        self.depthwise = DepthwiseConv2D(
            kernel_size,
            padding="same",
            use_bias=use_bias,
            depthwise_initializer="glorot_normal",
            name="depthwise",
            dtype=dtype,
        )
        self.norm = None
        if normalization == "batch":
            self.norm = BatchNormalization(momentum=0.9, epsilon=1e-5, name="norm", dtype=dtype)
        elif normalization == "layer":
            self.norm = LayerNormalization(epsilon=1e-5, name="norm", dtype=dtype)
        self.query_projection = self._projection(attention_channels, "query")
        self.key_projection = self._projection(attention_channels, "key", self.intermediate_activation)
        self.value_projection = self._projection(attention_channels, "value")
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        channels = self.compute_output_shape(input_shape)[-1]
        if self.use_residual and channels != input_shape[-1]:
            raise ValueError(
                "`use_residual` needs as many output channels as the input has. "
                f"Received: output_channels={channels}, input_shape={tuple(input_shape)}"
            )
        self.depthwise.build(input_shape)
        if self.norm is not None:
            self.norm.build(input_shape)
        self.query_projection.build(input_shape)
        self.key_projection.build(input_shape)
        self.value_projection.build(input_shape)
        start = "zeros" if self.use_residual else "glorot_normal"
        self.output_projection = self._projection(channels, "output", self.output_activation, start)
        self.output_projection.build((*input_shape[:3], self.attention_channels))
        super().build(input_shape)

    def call(self, inputs, training=None, return_attention_scores=False):
        x = self.intermediate_activation(self.depthwise(inputs))
        if self.norm is not None:
            x = self.norm(x, training=training)
        _, height, width, _ = ops.shape(inputs)
        flat = -1, height * width, 1, self.attention_channels
        query = reshape(self.query_projection(x), flat)
        key = reshape(self.key_projection(x), flat)
        value = reshape(self.value_projection(x), flat)
        weights = None
        if self.attention_mode == "dot_product":
            mixed = _dot_product(query, key, value)
            if return_attention_scores:
                weights = ops.einsum("bqhc,bkhc->bhqk", query, key) / ops.cast(ops.shape(key)[1], key.dtype)
        elif return_attention_scores:
            mixed, weights = attend(query, key, value, scale=1.0, return_weights=True)
        else:
            mixed = attend(query, key, value, scale=1.0)
        y = self.output_projection(reshape(mixed, (-1, height, width, self.attention_channels)))
        y = self.dropout(y, training=training)
        y = inputs + y if self.use_residual else y
        return (y, weights) if return_attention_scores else y

    def compute_output_shape(self, input_shape):
        channels = input_shape[-1] if self.output_channels is None else self.output_channels
        return (*input_shape[:3], channels)

    def _projection(self, units: int, name: str, activation=None, initializer: str = "glorot_normal") -> Dense:
        return Dense(
            units,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=initializer,
            name=name,
            dtype=self.dtype_policy,
        )


def _dot_product(query, key, value):
    """`(q k^T) v / n` as `q (k^T v / n)`, whose cost grows with the number of pixels and not with its square."""
    products = ops.einsum("bkhc,bkhd->bhcd", key, value) / ops.cast(ops.shape(key)[1], key.dtype)
    return ops.einsum("bqhc,bhcd->bqhd", query, products)
