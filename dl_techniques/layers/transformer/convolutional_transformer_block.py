import keras
from keras import ops
from keras.initializers import TruncatedNormal

from dl_techniques._checks import (
    check_divisible,
    check_last_axis,
    check_positive,
    check_positive_int,
    check_rank,
    check_rate,
)
from dl_techniques._initializers import derived_seed
from dl_techniques._keras_layers import Dense, Dropout, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention.group_query_attention import GroupQueryAttention
from dl_techniques.layers.regularization.layer_scale import LayerScale
from dl_techniques.utils.tensors import reshape


@serializable
class ConvolutionalTransformerBlock(keras.layers.Layer):
    """Transformer layer on an image: every pixel is a token, and the network is two 1 x 1 convolutions.

    Drops into a convolutional network. Attention compares all pixels with each other, so it is for small images.

    Formula: `y = x + gamma1 * attention(norm(x))`, `z = y + gamma2 * (W2 dropout(activation(W1 norm(y) + b1)) + b2)`;
    without `use_gamma` both gains are 1. The kernels start with a standard deviation of 0.02.

    Args:
        dim: int, number of channels.
        num_heads: int, number of attention heads; divides `dim`.
        mlp_ratio: float > 0; the network has `int(dim * mlp_ratio)` channels in between.
        dropout_rate: float in [0, 1), dropout inside the network.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        activation: activation of the network; "relu", as in most convolutional networks that the block drops into,
            where vision transformers have "gelu".
        use_bias: bool, whether attention, network and norms have biases.
        use_gamma: bool, whether each branch has a learned gain for each channel, started at 1, with L2(1e-2).
        kernel_regularizer: regularizer of the kernels, or None; L2(1e-4) by default.
        seed: int or None, seed of the dropouts.

    Input shape:
        `(batch, height, width, dim)`.

    Output shape:
        Same as the input.

    Example:

    >>> block = ConvolutionalTransformerBlock(dim=16, num_heads=4)
    >>> tuple(block(keras.random.normal((2, 6, 5, 16))).shape)
    (2, 6, 5, 16)

    References:
        Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        arXiv:2010.11929, on a feature map; Touvron et al., "Going Deeper with Image Transformers", arXiv:2103.17239,
        for the gains.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        *,
        mlp_ratio: float = 4.0,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        activation="relu",
        use_bias: bool = True,
        use_gamma: bool = False,
        kernel_regularizer: str | keras.regularizers.Regularizer | None = keras.regularizers.L2(1e-4),  # noqa: B008
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads)
        check_divisible(dim=dim, num_heads=num_heads)
        check_positive(mlp_ratio=mlp_ratio)
        check_rate(dropout_rate=dropout_rate, attention_dropout_rate=attention_dropout_rate)
        self.dim = dim
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.use_gamma = use_gamma
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed

        self.attention_norm = self._norm("attention_norm")
        self.attention = GroupQueryAttention(
            dim,
            num_heads,
            num_kv_heads=num_heads,
            dropout_rate=attention_dropout_rate,
            rope_percentage=0.0,
            use_bias=use_bias,
            kernel_initializer=TruncatedNormal(stddev=0.02),
            kernel_regularizer=self.kernel_regularizer,
            seed=seed,
            name="attention",
            dtype=self.dtype_policy,
        )
        self.attention_gamma = self._gamma("attention_gamma")
        self.mlp_norm = self._norm("mlp_norm")
        self.expand = self._pointwise(int(dim * mlp_ratio), "expand")
        self.dropout = Dropout(dropout_rate, seed=derived_seed(seed, 1), name="dropout", dtype=self.dtype_policy)
        self.project = self._pointwise(dim, "project")
        self.mlp_gamma = self._gamma("mlp_gamma")

    def build(self, input_shape):
        check_rank(input_shape, 4)
        check_last_axis(input_shape, dim=self.dim)
        self.attention_norm.build(input_shape)
        self.attention.build((input_shape[0], None, self.dim))
        self.mlp_norm.build(input_shape)
        self.expand.build(input_shape)
        self.project.build((*input_shape[:-1], self.expand.units))
        if self.use_gamma:
            self.attention_gamma.build(input_shape)
            self.mlp_gamma.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        shape = ops.shape(inputs)
        tokens = reshape(self.attention_norm(inputs), (-1, shape[1] * shape[2], self.dim))
        mixed = reshape(self.attention(tokens, training=training), (-1, shape[1], shape[2], self.dim))
        x = inputs + (self.attention_gamma(mixed) if self.use_gamma else mixed)
        hidden = self.activation(self.expand(self.mlp_norm(x)))
        mixed = self.project(self.dropout(hidden, training=training))
        return x + (self.mlp_gamma(mixed) if self.use_gamma else mixed)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _norm(self, name: str) -> LayerNormalization:
        return LayerNormalization(epsilon=1e-6, center=self.use_bias, name=name, dtype=self.dtype_policy)

    def _pointwise(self, units: int, name: str) -> Dense:
        return Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=TruncatedNormal(stddev=0.02),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _gamma(self, name: str) -> LayerScale | None:
        if not self.use_gamma:
            return None
        regularizer = keras.regularizers.L2(1e-2)
        return LayerScale(regularizer=regularizer, constraint=None, name=name, dtype=self.dtype_policy)
