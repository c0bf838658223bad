import keras

from dl_techniques._checks import check_last_axis
from dl_techniques._initializers import fresh
from dl_techniques._serialization import serializable
from dl_techniques.layers.regularization.layer_scale import LayerScale
from dl_techniques.layers.yolo12._cross_stage import CrossStage
from dl_techniques.layers.yolo12.c3k_block import C3kBlock
from dl_techniques.layers.yolo12.yolov12_attention_block import YOLOv12AttentionBlock


@serializable
class A2C2fBlock(CrossStage):
    """Residual efficient layer aggregation (R-ELAN): the attention stage of YOLOv12.

    A chain of attention blocks, of which every second output reaches the last convolution. Deep chains of attention
    hardly train without a residual around them.

    Formula: `y_0 = enter(x)`, `y_{i+1} = A(A(y_i))`, `z = leave([y_0, ..., y_n])`, plus `x` if there is a residual:
    `x + gamma * z`. The chain has `filters / 2` channels, one attention head for each 32 of them, but at least one,
    and the attention blocks `A` have weights of their own each.

    Args:
        filters: int, even, number of output channels.
        n: int, number of pairs of attention blocks.
        area: int, number of areas of the attention; divides `height * width`.
        use_attention: bool; without it a `C3kBlock` of two bottlenecks stands for each pair, and `area`,
            `mlp_ratio` and `pe_kernel_size` do nothing.
        residual: bool, whether the input is added, which must have `filters` channels, and the sum has a learned gain
            `gamma` for each channel, started at 0.01. The authors' two larger models have it, around attention only.
        mlp_ratio: float > 0, relative width of the networks in the attention blocks. The authors take 1.2 in their
            two larger models.
        pe_kernel_size: int, odd, size of the position perceiver: 5 in the authors' code, 7 in the paper and in
            Ultralytics' package.
        kernel_initializer: initializer of all kernels. The authors draw those of attention blocks from a truncated
            normal distribution of 0.02; "he_normal" is what the other blocks have.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, height, width, filters)`.

    Example:

    >>> tuple(A2C2fBlock(filters=64, area=4)(keras.random.normal((2, 8, 6, 16))).shape)
    (2, 8, 6, 64)

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524
    """

    def __init__(
        self,
        filters: int,
        n: int = 1,
        *,
        area: int = 1,
        use_attention: bool = True,
        residual: bool = False,
        mlp_ratio: float = 2.0,
        pe_kernel_size: int = 5,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        **kwargs,
    ):
        super().__init__(
            filters,
            n,
            expansion=0.5,
            width_in=1,
            width_out=1 + n,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self.area = area
        self.use_attention = use_attention
        self.residual = residual
        self.mlp_ratio = mlp_ratio
        self.pe_kernel_size = pe_kernel_size
        self._blocks_a_step = 2 if use_attention else 1
        self.blocks = [self._block(index) for index in range(n * self._blocks_a_step)]
        self.gain = None
        if residual:
            start = keras.initializers.Constant(0.01)
            self.gain = LayerScale(initializer=start, constraint=None, name="gain", dtype=self.dtype_policy)

    def build(self, input_shape):
        if self.gain is not None:
            check_last_axis(input_shape, filters=self.filters)
            self.gain.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        y = super().call(inputs, training=training)
        return y if self.gain is None else inputs + self.gain(y)

    def _pieces(self, x, training):
        pieces = [x]
        for index, block in enumerate(self.blocks, 1):
            x = block(x, training=training)
            if index % self._blocks_a_step == 0:
                pieces.append(x)
        return pieces

    def _block(self, index: int) -> YOLOv12AttentionBlock | C3kBlock:
        common = {
            "kernel_initializer": fresh(self.kernel_initializer, 2 + 6 * index),  # Each kind has six kernels.
            "name": f"block{index + 1}",
            "dtype": self.dtype_policy,
        }
        if not self.use_attention:
            return C3kBlock(self._hidden, 2, **common)
        heads = max(1, self._hidden // 32)
        return YOLOv12AttentionBlock(
            self._hidden,
            heads,
            mlp_ratio=self.mlp_ratio,
            area=self.area,
            pe_kernel_size=self.pe_kernel_size,
            **common,
        )
