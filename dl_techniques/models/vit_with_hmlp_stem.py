from typing import Any

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_positive_int, check_rank, normalize_axes
from dl_techniques._initializers import derived_seed
from dl_techniques._keras_layers import Dense, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.embedding.hierarchical_mlp_stem import HierarchicalMLPStem
from dl_techniques.layers.embedding.positional_embedding import PositionalEmbedding
from dl_techniques.layers.transformer.vision_transformer_layer import VisionTransformerLayer

_SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"embed_dim": 192, "depth": 12, "num_heads": 3},
    "small": {"embed_dim": 384, "depth": 12, "num_heads": 6},
    "base": {"embed_dim": 768, "depth": 12, "num_heads": 12},
    "large": {"embed_dim": 1024, "depth": 24, "num_heads": 16},
}


@serializable
class ViTWithHMLPStem(keras.Model):
    """Vision transformer whose patches are embedded by a hierarchical MLP stem.

    The stem lets no information pass between patches, so that masked patches can be left out after it.

    Formula: `t = stem(x)`; a learned class token goes before them, and a learned vector for each position is added;
    then `depth` layers of a vision transformer; `y = W norm(t)[0] + b`, the logits.

    Args:
        num_classes: int, number of classes.
        patch_size: int, height and width of a patch: 4 times a power of 2.
        embed_dim: int, size of the features, a multiple of 4.
        depth: int, number of transformer layers.
        num_heads: int, number of attention heads; divides `embed_dim`.
        mlp_ratio: float > 0; the networks have `int(embed_dim * mlp_ratio)` features in between.
        dropout_rate: float in [0, 1), dropout of embedded patches, and of attention and networks.
        attention_dropout_rate: float in [0, 1), dropout of the attention weights.
        norm_layer: "batch" or "layer", the normalization of the stem.
        seed: int or None, seed of the dropouts.

    Input shape:
        `(batch, height, width, channels)`; height and width must be known and multiples of `patch_size`.

    Output shape:
        `(batch, num_classes)`.

    Example:

    >>> model = ViTWithHMLPStem(num_classes=10, embed_dim=32, depth=2, num_heads=4)
    >>> tuple(model(keras.random.normal((2, 32, 48, 3))).shape)
    (2, 10)

    References:
        Touvron et al., "Three things everyone should know about Vision Transformers", arXiv:2203.09795
    """

    def __init__(
        self,
        num_classes: int = 1000,
        patch_size: int = 16,
        *,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_ratio: float = 4.0,
        dropout_rate: float = 0.0,
        attention_dropout_rate: float = 0.0,
        norm_layer: str = "batch",
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_classes=num_classes, depth=depth)
        self.num_classes = num_classes
        self.patch_size = patch_size
        self.embed_dim = embed_dim
        self.depth = depth
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.dropout_rate = dropout_rate
        self.attention_dropout_rate = attention_dropout_rate
        self.norm_layer = norm_layer
        self.seed = seed

        dtype = self.dtype_policy
        self.stem = HierarchicalMLPStem(embed_dim, patch_size, norm_layer=norm_layer, name="stem", dtype=dtype)
        self.blocks = [
            VisionTransformerLayer(
                embed_dim,
                num_heads,
                mlp_ratio=mlp_ratio,
                dropout_rate=dropout_rate,
                attention_dropout_rate=attention_dropout_rate,
                seed=derived_seed(seed, 4 * index + 1),  # A block uses this one and the next three.
                name=f"block{index + 1}",
                dtype=dtype,
            )
            for index in range(depth)
        ]
        self.norm = LayerNormalization(epsilon=1e-6, name="norm", dtype=dtype)
        self.head = Dense(num_classes, name="head", dtype=dtype)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes((1, 2), input_shape)
        self.stem.build(input_shape)
        length = 1 + self.stem.compute_output_shape(input_shape)[1]
        self.cls_token = self.add_weight(
            name="cls_token", shape=(1, 1, self.embed_dim), initializer=keras.initializers.RandomNormal(stddev=0.02)
        )
        self.positions = PositionalEmbedding(
            length,
            self.embed_dim,
            dropout_rate=self.dropout_rate,
            seed=self.seed,
            name="positions",
            dtype=self.dtype_policy,
        )
        shape = (input_shape[0], length, self.embed_dim)
        for part in (self.positions, *self.blocks, self.norm):
            part.build(shape)
        self.head.build((input_shape[0], self.embed_dim))
        super().build(input_shape)

    def call(self, inputs, training=None):
        patches = self.stem(inputs, training=training)
        cls_token = ops.broadcast_to(self.cls_token, (ops.shape(patches)[0], 1, self.embed_dim))
        x = self.positions(ops.concatenate([cls_token, patches], axis=1), training=training)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head(self.norm(x[:, 0]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)


def create_vit_model(model_size: str = "base", **arguments) -> ViTWithHMLPStem:
    """Makes a model of a usual size: "tiny", "small", "base" or "large".

    Args:
        model_size: the size, which decides on `embed_dim`, `depth` and `num_heads`.
        **arguments: further arguments of `ViTWithHMLPStem`.

    Example:

    >>> model = create_vit_model("tiny", num_classes=10)
    >>> model.embed_dim, model.depth, model.num_heads
    (192, 12, 3)
    """
    check_choice(_SIZES, model_size=model_size)
    return ViTWithHMLPStem(**_SIZES[model_size], **arguments)
