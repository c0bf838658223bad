import keras

from dl_techniques._checks import check_last_axis, check_positive, check_positive_int
from dl_techniques._initializers import fresh
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention.area_attention import AreaAttention
from dl_techniques.layers.convolution.yolov12_conv_block import YOLOv12ConvBlock


@serializable
class YOLOv12AttentionBlock(keras.layers.Layer):
    """Area attention and a two-layer network, each with a residual: the transformer layer of YOLOv12.

    Batch normalizations behind the convolutions take the place of layer normalization, which costs more time.

    Formula: `y = x + attention(x)`, `z = y + BN(W2 silu(BN(W1 y)))`.

    Args:
        dim: int, number of channels.
        num_heads: int, number of attention heads; divides `dim`.
        mlp_ratio: float > 0; the network has `int(dim * mlp_ratio)` channels in between. The authors take 2 in their
            three smaller models and 1.2 in the larger ones.
        area: int, number of areas of the attention; divides `height * width`.
        pe_kernel_size: int, odd, size of the position perceiver: 5 in the authors' code, 7 in the paper and in
            Ultralytics' package.
        kernel_initializer: initializer of all kernels. The authors draw those of attention blocks from a truncated
            normal distribution of 0.02; "he_normal" is what the other blocks have.

    Input shape:
        `(batch, height, width, dim)`; height and width may be unknown.

    Output shape:
        Same as the input.

    Example:

    >>> block = YOLOv12AttentionBlock(dim=16, num_heads=2, area=4)
    >>> tuple(block(keras.random.normal((2, 8, 6, 16))).shape)
    (2, 8, 6, 16)

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
    """

    def __init__(
        self,
        dim: int,
        num_heads: int = 8,
        *,
        mlp_ratio: float = 1.2,
        area: int = 1,
        pe_kernel_size: int = 5,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(dim=dim)
        check_positive(mlp_ratio=mlp_ratio)
        self.dim = dim
        self.num_heads = num_heads
        self.mlp_ratio = mlp_ratio
        self.area = area
        self.pe_kernel_size = pe_kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

        dtype = self.dtype_policy
        self.attention = AreaAttention(
            dim,
            num_heads,
            area=area,
            pe_kernel_size=pe_kernel_size,
            kernel_initializer=fresh(self.kernel_initializer),
            name="attention",
            dtype=dtype,
        )
        kernels = [fresh(self.kernel_initializer, index) for index in (4, 5)]  # Attention has four kernels.
        self.expand = YOLOv12ConvBlock(
            int(dim * mlp_ratio), 1, kernel_initializer=kernels[0], name="expand", dtype=dtype
        )
        self.project = YOLOv12ConvBlock(
            dim, 1, activation=None, kernel_initializer=kernels[1], name="project", dtype=dtype
        )

    def build(self, input_shape):
        check_last_axis(input_shape, dim=self.dim)
        self.attention.build(input_shape)
        self.expand.build(input_shape)
        self.project.build(self.expand.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs + self.attention(inputs, training=training)
        return x + self.project(self.expand(x, training=training), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape
