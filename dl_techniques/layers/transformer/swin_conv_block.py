import keras
from keras import ops

from dl_techniques._checks import (
    check_choice,
    check_divisible,
    check_last_axis,
    check_positive,
    check_positive_int,
    check_rank,
    check_rate,
    normalize_axes,
)
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Conv2D, Dense
from dl_techniques._serialization import serializable
from dl_techniques.layers.transformer.swin_transformer_block import SwinTransformerBlock


@serializable
class SwinConvBlock(keras.layers.Layer):
    """Convolutions on some channels of an image and window attention on the others, side by side.

    The building block of Swin-Conv-UNet, a denoiser: convolutions model what is local, attention what is not. Blocks
    alternate between the two types.

    Formula: `[c, t] = W1 x + b1`, `y = x + W2 [c + conv(relu(conv(c))), swin(t)] + b2`. `W1` and `W2` work on each
    pixel, the convolutions are 3 x 3 without biases, and `swin` is a `SwinTransformerBlock`, which pads images whose
    sizes are no multiples of the window.

    Args:
        conv_dim: int, number of channels for the convolutions.
        trans_dim: int, number of channels for attention; a multiple of `head_dim`.
        head_dim: int, number of channels of an attention head.
        window_size: int, height and width of a window.
        drop_path: float in [0, 1), the probability of dropping a branch of `swin` for a sample.
        block_type: "W", or "SW" for windows that are shifted by half their size, but not along an axis on which the
            image fits into one window.
        mlp_ratio: float > 0, width of the network of `swin` relative to `trans_dim`.
        use_bias: bool, whether `W1`, `W2` and the parts of `swin` have biases.
        kernel_initializer: initializer of the kernels. The authors draw from a truncated normal
            distribution of 0.02, `keras.initializers.TruncatedNormal(stddev=0.02)`; "glorot_uniform" is Keras' own.
        bias_initializer: initializer of the biases, those of norms apart.
        kernel_regularizer: regularizer of the kernels, or None.
        bias_regularizer: regularizer of the biases, those of norms apart, or None.
        seed: int or None, seed of the drops.

    Input shape:
        `(batch, height, width, conv_dim + trans_dim)` with known height and width.

    Output shape:
        Same as the input.

    Example:

    >>> block = SwinConvBlock(conv_dim=16, trans_dim=16, head_dim=8, window_size=4, block_type="SW")
    >>> tuple(block(keras.random.normal((2, 10, 12, 32))).shape)
    (2, 10, 12, 32)

    References:
        Zhang et al., "Practical Blind Image Denoising via Swin-Conv-UNet and Data Synthesis", arXiv:2203.13278
    """

    def __init__(
        self,
        conv_dim: int,
        trans_dim: int,
        *,
        head_dim: int = 32,
        window_size: int = 8,
        drop_path: float = 0.0,
        block_type: str = "W",
        mlp_ratio: float = 4.0,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(conv_dim=conv_dim, trans_dim=trans_dim, head_dim=head_dim, window_size=window_size)
        check_divisible(trans_dim=trans_dim, head_dim=head_dim)
        check_rate(drop_path=drop_path)
        check_choice(("W", "SW"), block_type=block_type)
        check_positive(mlp_ratio=mlp_ratio)
        self.conv_dim = conv_dim
        self.trans_dim = trans_dim
        self.head_dim = head_dim
        self.window_size = window_size
        self.drop_path = drop_path
        self.block_type = block_type
        self.mlp_ratio = mlp_ratio
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.seed = seed

        self.split = self._pointwise("split", 0)
        self.convolution1 = self._convolution("convolution1", 1)
        self.convolution2 = self._convolution("convolution2", 2)
        self.swin = SwinTransformerBlock(
            trans_dim,
            trans_dim // head_dim,
            window_size=window_size,
            shift_size=window_size // 2 if block_type == "SW" else 0,
            mlp_ratio=mlp_ratio,
            qkv_bias=use_bias,
            drop_path_rate=drop_path,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer, 4),
            bias_initializer=fresh(self.bias_initializer, 2),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            seed=seed,
            name="swin",
            dtype=self.dtype_policy,
        )
        self.merge = self._pointwise("merge", 3)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        check_last_axis(input_shape, **{"conv_dim + trans_dim": self.conv_dim + self.trans_dim})
        normalize_axes((1, 2), input_shape)
        self.split.build(input_shape)
        self.convolution1.build((*input_shape[:-1], self.conv_dim))
        self.convolution2.build((*input_shape[:-1], self.conv_dim))
        self.swin.build((*input_shape[:-1], self.trans_dim))
        self.merge.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = self.split(inputs)
        local, distant = x[..., : self.conv_dim], x[..., self.conv_dim :]
        local = local + self.convolution2(ops.relu(self.convolution1(local)))
        distant = self.swin(distant, training=training)
        return inputs + self.merge(ops.concatenate([local, distant], axis=-1))

    def compute_output_shape(self, input_shape):
        return input_shape

    def _pointwise(self, name: str, index: int) -> Dense:
        return Dense(
            self.conv_dim + self.trans_dim,
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, index),
            bias_initializer=fresh(self.bias_initializer, index // 3),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _convolution(self, name: str, index: int) -> Conv2D:
        return Conv2D(
            self.conv_dim,
            3,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )
