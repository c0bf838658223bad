from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_rank, normalize_axes
from dl_techniques._keras_layers import Conv2D
from dl_techniques._serialization import serializable
from dl_techniques._shapes import pair


@serializable
class PatchEmbedding2D(keras.layers.Layer):
    """Cuts an image into patches and embeds each of them linearly: the tokens of a vision transformer.

    Formula: `y[i] = activation(W flatten(patch[i]) + b)` for the patches row by row.

    Args:
        patch_size: int or pair of them, height and width of a patch.
        embed_dim: int, size of an embedding.
        activation: activation of the embeddings.
        use_bias: bool, whether there is a bias.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: regularizer of the kernel, or None.
        bias_regularizer: regularizer of the bias, or None.

    Input shape:
        `(batch, height, width, channels)`; sizes that are known must be multiples of those of a patch.

    Output shape:
        `(batch, patches, embed_dim)`.

    Example:

    >>> layer = PatchEmbedding2D(patch_size=4, embed_dim=32)
    >>> tuple(layer(keras.random.normal((2, 8, 12, 3))).shape)
    (2, 6, 32)
    >>> layer.get_patch_grid_shape()
    (2, 3)

    References:
        Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        arXiv:2010.11929
    """

    def __init__(
        self,
        patch_size: int | Sequence[int],
        embed_dim: int,
        *,
        activation="linear",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_normal",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        sizes = pair(patch_size=patch_size)
        check_positive_int(embed_dim=embed_dim)
        self.patch_size = patch_size
        self.embed_dim = embed_dim
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)

        self._sizes = sizes
        self._grid: tuple[int | None, int | None] = (None, None)
        self.projection = Conv2D(
            embed_dim,
            sizes,
            strides=sizes,
            padding="valid",
            data_format="channels_last",
            activation=self.activation,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            name="projection",
            dtype=self.dtype_policy,
        )

    @property
    def num_patches(self) -> int | None:
        """How many patches there are; None before the layer is built and for images of unknown size."""
        grid = self.get_patch_grid_shape()
        return None if grid is None else grid[0] * grid[1]

    def get_patch_grid_shape(self) -> tuple[int, int] | None:
        """Rows and columns of patches; None before the layer is built and for images of unknown size."""
        rows, columns = self._grid
        return None if rows is None or columns is None else (rows, columns)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        if any(size is not None and size % patch for size, patch in self._sizes_and_patches(input_shape)):
            raise ValueError(
                "Height and width must be multiples of those of a patch. "
                f"Received: patch_size={self.patch_size}, input_shape={tuple(input_shape)}"
            )
        self._grid = self._grid_of(input_shape)
        self.projection.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        embeddings = self.projection(inputs)
        _, rows, columns, _ = ops.shape(embeddings)
        return ops.reshape(embeddings, (-1, rows * columns, self.embed_dim))

    def compute_output_shape(self, input_shape):
        rows, columns = self._grid_of(input_shape)
        length = None if rows is None or columns is None else rows * columns
        return (input_shape[0], length, self.embed_dim)

    def _grid_of(self, input_shape):
        return tuple(None if size is None else size // patch for size, patch in self._sizes_and_patches(input_shape))

    def _sizes_and_patches(self, input_shape):
        return zip(input_shape[1:3], self._sizes, strict=True)
