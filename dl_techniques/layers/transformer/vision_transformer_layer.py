import keras

from dl_techniques._checks import check_divisible, check_last_axis, check_positive, check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.transformer._encoder import EncoderLayer


@serializable
class VisionTransformerLayer(EncoderLayer):
    """One layer of a vision transformer (ViT): a transformer layer whose norms stand before its parts.

    Formula: `y = x + dropout(attention(norm(x)))`, `z = y + dropout(W2 dropout(gelu(W1 norm(y) + b1)) + b2)`, with the
    exact GELU and norms with an epsilon of 1e-6.

    Args:
        embed_dim: int, size of the features.
        num_heads: int, number of attention heads; divides `embed_dim`.
        mlp_ratio: float > 0; the network has `int(embed_dim * mlp_ratio)` features in between.
        dropout_rate: float in [0, 1), dropout of what attention and the network return, and inside the network.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        kernel_initializer: initializer of the kernels; "glorot_uniform", as in the authors' code.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch, tokens, embed_dim)`.
        attention_mask: boolean tensor `(batch, tokens, tokens)` or `(batch, heads, tokens, tokens)`, true where a
            query (row) may look at a key (column).
        use_causal_mask: bool, whether to hide later positions.
        mask: boolean tensor `(batch, tokens)`, Keras' automatic padding mask; hides keys.
        training: bool, whether to apply dropout.

    Input shape:
        `(batch, tokens, embed_dim)`.

    Output shape:
        Same as the input.

    Example:

    >>> layer = VisionTransformerLayer(embed_dim=16, num_heads=4)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 16)

    References:
        Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
        arXiv:2010.11929
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        *,
        mlp_ratio: float = 4.0,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        check_positive_int(embed_dim=embed_dim, num_heads=num_heads)
        check_divisible(embed_dim=embed_dim, num_heads=num_heads)
        check_positive(mlp_ratio=mlp_ratio)
        super().__init__(
            embed_dim,
            num_heads,
            int(embed_dim * mlp_ratio),
            dropout_rate=dropout_rate,
            attention_dropout_rate=attention_dropout_rate,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        self.embed_dim = embed_dim
        self.mlp_ratio = mlp_ratio

    def build(self, input_shape):
        check_last_axis(input_shape, embed_dim=self.embed_dim)
        super().build(input_shape)
