import keras
from keras import ops

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import (
    check_choice,
    check_divisible,
    check_positive,
    check_positive_int,
    check_rank,
    check_rate,
    normalize_axes,
)
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import attend
from dl_techniques.layers.convolution import DepthwiseConv2D
from dl_techniques.utils.tensors import reshape


@serializable
class MobileMQA(AttentionLayer):
    """Mobile multi-query attention: every pixel looks at every pixel, with one key and one value head for all queries.

    Mobile hardware waits for memory more than for arithmetic, and the shared head has to be read once only. Keys and
    values may come from an image of half the resolution, for a quarter of the scores.

    Formula: `concat_j(softmax((x W_qj) (s_k(x) W_k)^T / sqrt(key_dim)) (s_v(x) W_v)) W_o` over the heads `j`, where
    `s_k` and `s_v` are the identity, or depthwise 3x3 convolutions with stride 2 and batch normalization, apart for
    keys and values as in the published models.

    A block of MobileNetV4 is `x + LayerScale(MobileMQA(BatchNormalization(x)))` with a `key_dim` of 64 and
    gains that start at 1e-5.

    Args:
        dim: int, number of output channels.
        num_heads: int, number of query heads; divides `dim` unless `key_dim` is given.
        key_dim: int, size of a head. `None` means `dim / num_heads`.
        use_downsampling: bool, whether keys and values come from the smaller image.
        use_bias: bool, whether the projections have biases; those of the published models have none.
        padding: "same" as in the authors' code, or "symmetric" as in models made for PyTorch: one zero on every side
            of the image that is made smaller. They differ where its size is even.
        norm_momentum: float in [0, 1), what the statistics of the batch normalizations keep of a step.
        norm_epsilon: float > 0, added to their variances.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`.
        training: bool, whether the batch normalizations use the batch's statistics.
        return_attention_scores: bool, whether to return the pair of output and attention weights,
            `(batch, heads, pixels, pixels of the smaller image)`.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, height, width, dim)`.

    Example:

    >>> layer = MobileMQA(dim=24, num_heads=4, use_downsampling=True)
    >>> tuple(layer(keras.random.normal((2, 7, 7, 16))).shape)
    (2, 7, 7, 24)

    References:
        Qin et al., "MobileNetV4: Universal Models for the Mobile Ecosystem", arXiv:2404.10518

        Shazeer, "Fast Transformer Decoding: One Write-Head is All You Need", arXiv:1911.02150
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        *,
        key_dim: int | None = None,
        use_downsampling: bool = False,
        use_bias: bool = False,
        padding: str = "same",
        norm_momentum: float = 0.99,
        norm_epsilon: float = 1e-3,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads)
        if key_dim is None:
            check_divisible(dim=dim, num_heads=num_heads)
        else:
            check_positive_int(key_dim=key_dim)
        check_choice(("same", "symmetric"), padding=padding)
        check_rate(norm_momentum=norm_momentum)
        check_positive(norm_epsilon=norm_epsilon)
        self.dim = dim
        self.num_heads = num_heads
        self.key_dim = key_dim
        self.use_downsampling = use_downsampling
        self.use_bias = use_bias
        self.padding = padding
        self.norm_momentum = norm_momentum
        self.norm_epsilon = norm_epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

        self._key_dim = dim // num_heads if key_dim is None else key_dim
        self.query_projection = self._projection(num_heads * self._key_dim, "query", 0)
        self.output_projection = self._projection(dim, "output", 2)
        if use_downsampling:
            self.key_downsampling, self.key_norm = self._downsampling("key", 3)
            self.value_downsampling, self.value_norm = self._downsampling("value", 4)
            self.key_projection = self._projection(self._key_dim, "key", 1)
            self.value_projection = self._projection(self._key_dim, "value", 5)
        else:
            self.key_value_projection = self._projection(2 * self._key_dim, "key_value", 1)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.query_projection.build(input_shape)
        if self.use_downsampling:
            for part in (self.key_downsampling, self.value_downsampling):
                part.build(input_shape)
            smaller = self.key_downsampling.compute_output_shape(input_shape)
            for part in (self.key_norm, self.value_norm, self.key_projection, self.value_projection):
                part.build(smaller)
        else:
            self.key_value_projection.build(input_shape)
        self.output_projection.build((*input_shape[:3], self.num_heads * self._key_dim))
        super().build(input_shape)

    def call(self, inputs, training=None, return_attention_scores=False):
        _, height, width, _ = ops.shape(inputs)
        query = reshape(self.query_projection(inputs), (-1, height * width, self.num_heads, self._key_dim))
        key, value = self._key_and_value(inputs, training)
        attended = attend(query, key, value, return_weights=return_attention_scores)
        heads, weights = attended if return_attention_scores else (attended, None)
        y = self.output_projection(reshape(heads, (-1, height, width, self.num_heads * self._key_dim)))
        return (y, weights) if return_attention_scores else y

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.dim)

    def _key_and_value(self, inputs, training):
        """Each `(batch, pixels, 1, key_dim)`."""
        if not self.use_downsampling:
            _, height, width, _ = ops.shape(inputs)
            both = reshape(self.key_value_projection(inputs), (-1, height * width, 1, 2 * self._key_dim))
            return ops.split(both, 2, axis=-1)
        key = self.key_projection(self.key_norm(self.key_downsampling(inputs), training=training))
        value = self.value_projection(self.value_norm(self.value_downsampling(inputs), training=training))
        _, height, width, _ = ops.shape(key)
        return [reshape(x, (-1, height * width, 1, self._key_dim)) for x in (key, value)]

    def _downsampling(self, name: str, index: int) -> tuple[DepthwiseConv2D, BatchNormalization]:
        convolution = DepthwiseConv2D(
            3,
            strides=2,
            padding=self.padding,
            use_bias=False,
            depthwise_initializer=fresh(self.kernel_initializer, index),
            depthwise_regularizer=self.kernel_regularizer,
            name=f"{name}_downsampling",
            dtype=self.dtype_policy,
        )
        norm = BatchNormalization(
            momentum=self.norm_momentum, epsilon=self.norm_epsilon, name=f"{name}_norm", dtype=self.dtype_policy
        )
        return convolution, norm

    def _projection(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
