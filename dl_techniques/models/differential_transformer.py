import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_rank, check_rate, normalize_axes
from dl_techniques._initializers import derived_seed
from dl_techniques._keras_layers import Dense
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.layers.embedding.positional_embedding import PositionalEmbedding
from dl_techniques.layers.norms.rms_norm import RMSNorm
from dl_techniques.layers.transformer.differential_transformer_block import DifferentialTransformerBlock


@serializable
class DifferentialTransformer(keras.Model):
    """Classifier of sequences whose attention subtracts two softmax maps.

    Formula: `t = W_e x + b_e`, and a learned vector for each position is added; then `depth` blocks, each of which
    subtracts more of its second map than the one before; `y = W norm(mean(t)) + b`, the logits, where the mean goes
    over the tokens that are not padding.

    The model of the paper is a language model and turns queries and keys by their positions; its blocks are the same.

    Args:
        num_classes: int, number of classes.
        dim: int, size of the features.
        depth: int, number of blocks.
        num_heads: int, number of attention heads of a block.
        head_dim: int, size of each of a head's two queries and keys. `None` means `dim / (2 * num_heads)`, which
            takes as many weights as an ordinary transformer with twice as many heads.
        ffn_expansion_factor: int, how much wider ungated networks of as many weights would be.
        max_seq_len: int, number of positions.
        dropout_rate: float in [0, 1), dropout of embedded tokens, and of what attention and networks return.
        attention_dropout_rate: float in [0, 1), dropout of the differences of the maps.
        drop_path_rate: float in [0, 1), the probability of dropping a branch of the last block; it grows linearly
            from 0 at the first.
        seed: int or None, seed of the dropouts.

    Call arguments:
        inputs: tensor `(batch, length, features)`.
        mask: boolean tensor `(batch, length)`, Keras' automatic padding mask.
        training: bool, whether to apply dropout.

    Input shape:
        `(batch, length, features)` with `length <= max_seq_len`.

    Output shape:
        `(batch, num_classes)`.

    Example: of texts, padded with zeros, and of images.

    >>> model = DifferentialTransformer(num_classes=5, dim=32, depth=2, num_heads=2)
    >>> texts = keras.Sequential([keras.layers.Embedding(1000, 16, mask_zero=True), model])
    >>> tuple(texts(keras.ops.array([[41, 7, 256, 0], [3, 14, 15, 92]])).shape)
    (2, 5)
    >>> from dl_techniques.layers import PatchEmbedding2D
    >>> model = DifferentialTransformer(num_classes=5, dim=32, depth=2, num_heads=2)
    >>> images = keras.Sequential([PatchEmbedding2D(patch_size=4, embed_dim=32), model])
    >>> tuple(images(keras.random.normal((2, 16, 16, 3))).shape)
    (2, 5)

    References:
        Ye et al., "Differential Transformer", arXiv:2410.05258
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dim: int = 512,
        *,
        depth: int = 6,
        num_heads: int = 4,
        head_dim: int | None = None,
        ffn_expansion_factor: int = 4,
        max_seq_len: int = 2048,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_classes=num_classes, depth=depth)
        check_rate(drop_path_rate=drop_path_rate)
        self.num_classes = num_classes
        self.dim = dim
        self.depth = depth
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.ffn_expansion_factor = ffn_expansion_factor
        self.max_seq_len = max_seq_len
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.drop_path_rate = drop_path_rate
        self.seed = seed
        self.supports_masking = True

        dtype = self.dtype_policy
        self.embedding = Dense(
            dim, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="embedding", dtype=dtype
        )
        self.positions = PositionalEmbedding(
            max_seq_len, dim, dropout_rate=dropout_rate, seed=seed, name="positions", dtype=dtype
        )
        self.blocks = [
            DifferentialTransformerBlock(
                dim,
                num_heads,
                head_dim=head_dim,
                ffn_expansion_factor=ffn_expansion_factor,
                dropout_rate=dropout_rate,
                attention_dropout_rate=attention_dropout_rate,
                drop_path_rate=drop_path_rate * index / max(depth - 1, 1),
                layer_idx=index,
                seed=derived_seed(seed, 5 * index + 1),  # A block uses this one and the next four.
                name=f"block{index + 1}",
                dtype=dtype,
            )
            for index in range(depth)
        ]
        self.norm = RMSNorm(name="norm", dtype=dtype)
        self.head = Dense(num_classes, name="head", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 3)
        normalize_axes(-1, input_shape)
        self.embedding.build(input_shape)
        shape = (*input_shape[:2], self.dim)
        for part in (self.positions, *self.blocks):
            part.build(shape)
        pooled = (input_shape[0], self.dim)
        self.norm.build(pooled)
        self.head.build(pooled)
        super().build(input_shape)

    def call(self, inputs, mask=None, training=None):
        x = self.positions(self.embedding(inputs), training=training)
        for block in self.blocks:
            x = block(x, mask=mask, training=training)
        return self.head(self.norm(_mean(x, mask)))

    def compute_mask(self, inputs, previous_mask):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)


def _mean(x, mask):
    """Over the tokens of a sequence that are not padding; zero if there are none."""
    x = at_least_float32(x)
    if mask is None:
        return mean_over(x, axis=1)
    weights = ops.cast(mask, x.dtype)[:, :, None]
    return ops.sum(x * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
