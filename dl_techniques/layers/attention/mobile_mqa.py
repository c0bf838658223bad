import keras
from keras import ops

from dl_techniques._checks import check_divisible, check_positive_int, check_rank, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._core import attend
from dl_techniques.layers.convolution import DepthwiseConv2D
from dl_techniques.utils.tensors import reshape


@serializable
class MobileMQA(keras.layers.Layer):
    """Mobile multi-query attention: every pixel looks at every pixel, with one key and one value head for all queries.

    Mobile hardware waits for memory more than for arithmetic, and the shared head has to be read once only. Keys and
    values may come from an image of half the resolution, for a quarter of the scores.

    Formula: `concat_j(softmax((x W_qj) (s W_k)^T / sqrt(dim / num_heads)) (s W_v)) W_o` over the heads `j`, each
    projection with its bias, where `s` is `x` or a depthwise 3x3 convolution of it with stride 2.

    Args:
        dim: int, number of output channels.
        num_heads: int, number of query heads; divides `dim`.
        use_downsampling: bool, whether keys and values come from the smaller image.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels.

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
        use_downsampling: bool = False,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads)
        check_divisible(dim=dim, num_heads=num_heads)
        self.dim = dim
        self.num_heads = num_heads
        self.use_downsampling = use_downsampling
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

        self._head_dim = dim // num_heads
        self.query_projection = self._projection(dim, "query", 0)
        self.key_value_projection = self._projection(2 * self._head_dim, "key_value", 1)
        self.output_projection = self._projection(dim, "output", 2)
        self.downsampling = None
        if use_downsampling:
            self.downsampling = DepthwiseConv2D(
                3,
                strides=2,
                padding="same",
                depthwise_initializer=fresh(self.kernel_initializer, 3),
                depthwise_regularizer=self.kernel_regularizer,
                name="downsampling",
                dtype=self.dtype_policy,
            )

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.query_projection.build(input_shape)
        if self.downsampling is not None:
            self.downsampling.build(input_shape)
        self.key_value_projection.build(input_shape)
        self.output_projection.build((*input_shape[:3], self.dim))
        super().build(input_shape)

    def call(self, inputs, training=None):
        _, height, width, _ = ops.shape(inputs)
        query = reshape(self.query_projection(inputs), (-1, height * width, self.num_heads, self._head_dim))
        seen = inputs if self.downsampling is None else self.downsampling(inputs)
        _, height_seen, width_seen, _ = ops.shape(seen)
        key_value = reshape(self.key_value_projection(seen), (-1, height_seen * width_seen, 1, 2 * self._head_dim))
        key, value = ops.split(key_value, 2, axis=-1)
        heads = attend(query, key, value)
        return self.output_projection(reshape(heads, (-1, height, width, self.dim)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.dim)

    def _projection(self, units: int, name: str, index: int) -> Dense:
        return Dense(
            units,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
