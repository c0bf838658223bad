import keras
from keras import ops

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import check_choice, check_positive_int, check_rank, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Conv2D, LayerNormalization
from dl_techniques._serialization import serializable


@serializable
class HierarchicalMLPStem(keras.layers.Layer):
    """Hierarchical MLP stem (hMLP): embeds the patches of an image in stages, from 4 x 4 pixels up.

    Unlike other convolutional stems it lets no information pass between patches, so that patches can be masked after
    it just as well as before it (with batch normalization: in inference).

    Formula: `t = norm(conv4x4(x))`, then `t = norm(conv2x2(activation(t)))` for each doubling up to `patch_size`. The
    kernels do not overlap. Each stage has `embed_dim / 4` channels, the last `embed_dim`.

    Args:
        embed_dim: int, size of an embedding, a multiple of 4.
        patch_size: int, height and width of a patch: 4 times a power of 2. The paper has 16.
        norm_layer: "batch" for batch normalization, as in the paper's code, "layer" for layer normalization over the
            channels.
        activation: activation after all stages but the last; "gelu" is the exact one.
        use_bias: bool, whether the convolutions have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.

    Input shape:
        `(batch, height, width, channels)`; sizes that are known must be multiples of `patch_size`.

    Output shape:
        `(batch, patches, embed_dim)`, the patches row by row.

    Example:

    >>> layer = HierarchicalMLPStem(embed_dim=64)
    >>> tuple(layer(keras.random.normal((2, 32, 48, 3))).shape)
    (2, 6, 64)

    References:
        Touvron et al., "Three things everyone should know about Vision Transformers", arXiv:2203.09795
    """

    def __init__(
        self,
        embed_dim: int = 768,
        patch_size: int = 16,
        *,
        norm_layer: str = "batch",
        activation="gelu",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(embed_dim=embed_dim, patch_size=patch_size)
        if embed_dim % 4:
            raise ValueError(f"`embed_dim` must be a multiple of 4. Received: embed_dim={embed_dim}")
        if patch_size < 4 or int(patch_size).bit_count() > 1:
            raise ValueError(f"`patch_size` must be 4 times a power of 2. Received: patch_size={patch_size}")
        check_choice(("batch", "layer"), norm_layer=norm_layer)
        self.embed_dim = embed_dim
        self.patch_size = patch_size
        self.norm_layer = norm_layer
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

        doublings = (int(patch_size) // 4).bit_length() - 1
        self.convs = [self._conv(stage, last=stage == doublings) for stage in range(doublings + 1)]
        self.norms = [self._norm(stage) for stage in range(doublings + 1)]

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        if any(size is not None and size % self.patch_size for size in input_shape[1:3]):
            raise ValueError(
                "Height and width must be multiples of `patch_size`. "
                f"Received: patch_size={self.patch_size}, input_shape={tuple(input_shape)}"
            )
        shape = input_shape
        for conv, norm in zip(self.convs, self.norms, strict=True):
            conv.build(shape)
            shape = conv.compute_output_shape(shape)
            norm.build(shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = self.norms[0](self.convs[0](inputs), training=training)
        for conv, norm in zip(self.convs[1:], self.norms[1:], strict=True):
            x = norm(conv(self.activation(x)), training=training)
        _, rows, columns, _ = ops.shape(x)
        return ops.reshape(x, (-1, rows * columns, self.embed_dim))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        known = height is not None and width is not None
        return (batch, height * width // self.patch_size**2 if known else None, self.embed_dim)

    def _conv(self, stage: int, last: bool) -> Conv2D:
        return Conv2D(
            self.embed_dim if last else self.embed_dim // 4,
            4 if stage == 0 else 2,
            strides=4 if stage == 0 else 2,
            padding="valid",
            data_format="channels_last",
            use_bias=self.use_bias,
            kernel_initializer=fresh(self.kernel_initializer, stage),
            bias_initializer=fresh(self.bias_initializer, stage),
            kernel_regularizer=self.kernel_regularizer,
            name=f"conv{stage + 1}",
            dtype=self.dtype_policy,
        )

    def _norm(self, stage: int) -> BatchNormalization | LayerNormalization:
        name, dtype = f"norm{stage + 1}", self.dtype_policy
        if self.norm_layer == "batch":
            return BatchNormalization(name=name, dtype=dtype)
        return LayerNormalization(epsilon=1e-6, name=name, dtype=dtype)
