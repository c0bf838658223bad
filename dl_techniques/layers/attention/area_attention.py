import keras
from keras import ops

from dl_techniques._checks import check_divisible, check_positive_int, check_rank
from dl_techniques._initializers import fresh
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._attention_layer import AttentionLayer
from dl_techniques.layers.attention._core import attend
from dl_techniques.layers.convolution.yolov12_conv_block import YOLOv12ConvBlock
from dl_techniques.utils.tensors import reshape


@serializable
class AreaAttention(AttentionLayer):
    """Attention inside the stripes of an image, the attention of YOLOv12.

    Every pixel attends to those of its own area: the pixels, row by row, are cut into `area` runs of equal length,
    which are horizontal stripes where `area` divides the height. That saves most of the cost of attention to the whole
    image, and needs no windows to be moved about. A large depthwise convolution of the values, the position
    perceiver, tells positions and connects the areas.

    Formula: `y = output(concat_j(softmax(q_j k_j^T / sqrt(dim / num_heads)) v_j) + perceiver(v))` over the heads `j`,
    in each area, with `[q, k] = query_key(x)` and `v = value(x)`. The projections are 1 x 1 convolutions, and each of
    the four convolutions is followed by a batch normalization.

    Float32 gradients lose as many digits as the logits have, on PyTorch more than on the other backends: they are
    right to 7e-4 up to logits of 1600, which normalized queries and keys do not come near.

    Args:
        dim: int, number of output channels.
        num_heads: int, number of heads; divides `dim`.
        area: int, number of areas; divides `height * width`. The authors take 4 on large images and 1 on small ones.
        pe_kernel_size: int, odd, size of the position perceiver: 5 in the authors' code, 7 in the paper and in
            Ultralytics' package.
        kernel_initializer: initializer of the four kernels. The authors draw those of attention blocks from a
            truncated normal distribution of 0.02; "he_normal" is what the other blocks have.

    Call arguments:
        inputs: tensor `(batch, height, width, channels)`.
        training: bool, whether the batch normalizations use the batch's statistics.
        return_attention_scores: bool, whether to return the pair of output and attention weights,
            `(batch * area, heads, pixels of an area, pixels of an area)`.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, height, width, dim)`.

    Example:

    >>> layer = AreaAttention(dim=16, num_heads=2, area=4)
    >>> tuple(layer(keras.random.normal((2, 8, 6, 24))).shape)
    (2, 8, 6, 16)

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        *,
        area: int = 1,
        pe_kernel_size: int = 5,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim, num_heads=num_heads, area=area, pe_kernel_size=pe_kernel_size)
        if pe_kernel_size % 2 == 0:
            raise ValueError(f"`pe_kernel_size` must be odd. Received: pe_kernel_size={pe_kernel_size}")
        check_divisible(dim=dim, num_heads=num_heads)
        self.dim = dim
        self.num_heads = num_heads
        self.area = area
        self.pe_kernel_size = pe_kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        self.query_key_projection = self._conv(2 * dim, "query_key", 0)
        self.value_projection = self._conv(dim, "value", 1)
        self.position_perceiver = self._conv(dim, "position_perceiver", 2, kernel_size=pe_kernel_size, groups=dim)
        self.output_projection = self._conv(dim, "output", 3)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        self._check_areas(*input_shape[1:3])
        self.query_key_projection.build(input_shape)
        self.value_projection.build(input_shape)
        self.position_perceiver.build(self.compute_output_shape(input_shape))
        self.output_projection.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs, training=None, return_attention_scores=False):
        batch, height, width, _ = ops.shape(inputs)
        self._check_areas(height, width)
        # Not -1 for the number of areas: images that cannot be cut must not be mixed.
        heads = batch * self.area, height * width // self.area, self.num_heads, self.dim // self.num_heads
        query_key = self.query_key_projection(inputs, training=training)
        value = self.value_projection(inputs, training=training)
        query, key = reshape(query_key[..., : self.dim], heads), reshape(query_key[..., self.dim :], heads)
        attended = attend(query, key, reshape(value, heads), return_weights=return_attention_scores)
        mixed, weights = attended if return_attention_scores else (attended, None)
        mixed = reshape(mixed, (-1, height, width, self.dim))
        y = self.output_projection(mixed + self.position_perceiver(value, training=training), training=training)
        return (y, weights) if return_attention_scores else y

    def compute_output_shape(self, input_shape):
        return (*input_shape[:3], self.dim)

    def _check_areas(self, height, width) -> None:
        if isinstance(height, int) and isinstance(width, int) and height * width % self.area:
            raise ValueError(
                f"`area` must divide the number of pixels. Received: area={self.area}, height={height}, width={width}"
            )

    def _conv(self, filters: int, name: str, index: int, *, kernel_size: int = 1, groups: int = 1) -> YOLOv12ConvBlock:
        return YOLOv12ConvBlock(
            filters,
            kernel_size,
            groups=groups,
            activation=None,
            kernel_initializer=fresh(self.kernel_initializer, index),
            name=name,
            dtype=self.dtype_policy,
        )
