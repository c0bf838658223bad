import keras
from keras import ops

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import (
    check_choice,
    check_number,
    check_positive,
    check_positive_int,
    check_rank,
    check_rate,
    normalize_axes,
)
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense
from dl_techniques._serialization import serializable
from dl_techniques._shapes import same_padding_output_shape
from dl_techniques.layers.convolution.depthwise_conv2d import DepthwiseConv2D
from dl_techniques.layers.regularization.layer_scale import LayerScale
from dl_techniques.layers.regularization.stochastic_depth import StochasticDepth

_BLOCK_TYPES = ("IB", "ConvNext", "ExtraDW", "FFN")


@serializable
class UIB(keras.layers.Layer):
    """Universal inverted bottleneck, the building block of MobileNetV4.

    An inverted bottleneck with an optional depthwise convolution before the expansion and another one in the middle.
    The four combinations trade spatial mixing for speed:

    | `block_type` | start depthwise | middle depthwise | known as |
    |---|---|---|---|
    | "IB" | no | yes | inverted bottleneck of MobileNetV2 |
    | "ConvNext" | yes | no | ConvNeXt-like block |
    | "ExtraDW" | yes | yes | new in MobileNetV4 |
    | "FFN" | no | no | feed-forward network of a vision transformer |

    Formula: `y = gamma * BN(project(relu(BN(middle(relu(BN(expand(BN(start(x)))))))))`, and `drop_path(y) + x` where
    the shape stays; without layer scale `gamma` is 1. The expanded width is `expansion_factor` times that of the
    input. The middle convolution has the stride, the start convolution if there is no middle one.

    Args:
        filters: int, number of output channels.
        expansion_factor: int, width of the middle relative to the input channels.
        stride: int; more than 1 needs a depthwise convolution.
        kernel_size: int, size of the middle depthwise kernel.
        start_kernel_size: int, size of the start depthwise kernel. `None` means `kernel_size`.
        block_type: "IB", "ConvNext", "ExtraDW" or "FFN".
        padding: "same" as in the authors' code, or "symmetric" as in models made for PyTorch: `kernel_size // 2` zeros
            on every side. They differ where a stride meets an even size.
        layer_scale_init_value: float, where the gains `gamma`, one a channel, start; 1e-5 in the hybrid models. `None`
            means none, as in the others.
        drop_path_rate: float in [0, 1), the probability of dropping the branch for a sample, where the shape stays.
        norm_momentum: float in [0, 1), what the statistics of the batch normalizations keep of a step.
        norm_epsilon: float > 0, added to their variances.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels.
        seed: int or None, seed of the drop path.

    Input shape:
        `(batch, height, width, channels)`.

    Output shape:
        `(batch, ceil(height / stride), ceil(width / stride), filters)`.

    Example:

    >>> tuple(UIB(filters=24, stride=2, block_type="ExtraDW")(keras.random.normal((2, 9, 9, 16))).shape)
    (2, 5, 5, 24)

    References:
        Qin et al., "MobileNetV4: Universal Models for the Mobile Ecosystem", arXiv:2404.10518
    """

    def __init__(
        self,
        filters: int,
        expansion_factor: int = 4,
        *,
        stride: int = 1,
        kernel_size: int = 3,
        start_kernel_size: int | None = None,
        block_type: str = "IB",
        padding: str = "same",
        layer_scale_init_value: float | None = None,
        drop_path_rate: float = 0.0,
        norm_momentum: float = 0.99,
        norm_epsilon: float = 1e-3,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(filters=filters, expansion_factor=expansion_factor, stride=stride, kernel_size=kernel_size)
        if start_kernel_size is not None:
            check_positive_int(start_kernel_size=start_kernel_size)
        check_choice(_BLOCK_TYPES, block_type=block_type)
        check_choice(("same", "symmetric"), padding=padding)
        if layer_scale_init_value is not None:
            check_number(layer_scale_init_value=layer_scale_init_value)
        check_rate(drop_path_rate=drop_path_rate, norm_momentum=norm_momentum)
        check_positive(norm_epsilon=norm_epsilon)
        if stride > 1 and block_type == "FFN":
            raise ValueError(
                "`stride` > 1 needs a depthwise convolution, which the type 'FFN' has not. "
                f"Received: stride={stride}, block_type={block_type!r}"
            )
        self.filters = filters
        self.expansion_factor = expansion_factor
        self.stride = stride
        self.kernel_size = kernel_size
        self.start_kernel_size = start_kernel_size
        self.block_type = block_type
        self.padding = padding
        self.layer_scale_init_value = layer_scale_init_value
        self.drop_path_rate = drop_path_rate
        self.norm_momentum = norm_momentum
        self.norm_epsilon = norm_epsilon
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed

        has_start, has_middle = block_type in ("ConvNext", "ExtraDW"), block_type in ("IB", "ExtraDW")
        start_size = kernel_size if start_kernel_size is None else start_kernel_size
        start_stride = 1 if has_middle else stride
        self.start = self._depthwise("start", start_size, start_stride, 0) if has_start else None
        self.start_norm = self._norm("start_norm") if has_start else None
        self.expand_norm = self._norm("expand_norm")
        self.middle = self._depthwise("middle", kernel_size, stride, 2) if has_middle else None
        self.middle_norm = self._norm("middle_norm") if has_middle else None
        self.project = self._pointwise("project", filters, 3)
        self.project_norm = self._norm("project_norm")
        self.layer_scale = None
        if layer_scale_init_value is not None:
            self.layer_scale = LayerScale(
                initializer=keras.initializers.Constant(layer_scale_init_value),
                constraint=None,
                name="layer_scale",
                dtype=self.dtype_policy,
            )

        self.drop_path = None
        if drop_path_rate > 0:
            self.drop_path = StochasticDepth(drop_path_rate, seed, name="drop_path", dtype=self.dtype_policy)

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        shape, channels = input_shape, input_shape[-1]
        self._has_residual = self.stride == 1 and channels == self.filters
        if self.start is not None:
            self.start.build(shape)
            shape = self.start.compute_output_shape(shape)
            self.start_norm.build(shape)
        self.expand = self._pointwise("expand", self.expansion_factor * channels, 1)
        self.expand.build(shape)
        shape = self.expand.compute_output_shape(shape)
        self.expand_norm.build(shape)
        if self.middle is not None:
            self.middle.build(shape)
            shape = self.middle.compute_output_shape(shape)
            self.middle_norm.build(shape)
        self.project.build(shape)
        self.project_norm.build(self.compute_output_shape(input_shape))
        for part in (self.layer_scale, self.drop_path):
            if part is not None:
                part.build(self.compute_output_shape(input_shape))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        if self.start is not None:
            x = self.start_norm(self.start(x), training=training)
        x = ops.relu(self.expand_norm(self.expand(x), training=training))
        if self.middle is not None:
            x = ops.relu(self.middle_norm(self.middle(x), training=training))
        x = self.project_norm(self.project(x), training=training)
        if self.layer_scale is not None:
            x = self.layer_scale(x)
        if not self._has_residual:
            return x
        if self.drop_path is not None:
            x = self.drop_path(x, training=training)
        return x + inputs

    def compute_output_shape(self, input_shape):
        return same_padding_output_shape(input_shape, self.stride, self.filters)

    def _depthwise(self, name: str, kernel_size: int, stride: int, index: int) -> DepthwiseConv2D:
        return DepthwiseConv2D(
            kernel_size,
            strides=stride,
            padding=self.padding,
            use_bias=False,
            depthwise_initializer=fresh(self.kernel_initializer, index),
            depthwise_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _pointwise(self, name: str, units: int, index: int) -> Dense:
        return Dense(
            units,
            use_bias=False,
            kernel_initializer=fresh(self.kernel_initializer, index),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _norm(self, name: str) -> BatchNormalization:
        return BatchNormalization(
            momentum=self.norm_momentum, epsilon=self.norm_epsilon, name=name, dtype=self.dtype_policy
        )
