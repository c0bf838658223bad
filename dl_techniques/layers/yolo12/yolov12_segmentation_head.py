from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_positive_ints, check_rate
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._serialization import serializable
from dl_techniques.layers.yolo12._decoder import Doubling, Skip
from dl_techniques.layers.yolo12._parts import part_of
from dl_techniques.layers.yolo12._pyramid import check_pyramid, resize_bilinear
from dl_techniques.utils.anchors import STRIDES


@serializable
class YOLOv12SegmentationHead(keras.layers.Layer):
    """A class for every pixel, from three feature maps: the decoder of a U-Net.

    The coarsest map is doubled in size stage by stage. The two finer maps join after the first and the second stage,
    weighed by squeeze-and-excitation. More stages cost more and resolve more; bilinear interpolation does the rest.

    Formula: `x = double_i(x)` for each stage `i`, with `x = gate_i([x, skip_i(map)])` after the first two; then
    `y = resize(W dropout(x) + b)`. `double_i` is a transposed 3 x 3 convolution of stride 2 and a 3 x 3 convolution,
    `skip_i` a 1 x 1 convolution, each followed by batch normalization and SiLU.

    Args:
        num_classes: int, number of classes.
        intermediate_filters: list of ints, number of channels in each stage. Four of them end at half of the image's
            height and width.
        target_size: pair of ints, height and width of the output; `None` means those of the image, 8 times the first
            map's.
        use_attention: bool, whether the joined maps are weighed.
        dropout_rate: float in [0, 1), dropout before the last layer.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels, or `None`.
        seed: int or `None`, seed of the dropout.

    Input shape:
        A list of three maps `(batch, height, width, channels)` of strides 8, 16 and 32, each half as high and wide as
        the one before, rounded up.

    Output shape:
        `(batch, height, width, num_classes)`, logits.

    Example:

    >>> maps = [keras.random.normal((2, size, size, 16)) for size in (8, 4, 2)]
    >>> tuple(YOLOv12SegmentationHead(num_classes=3)(maps).shape)
    (2, 64, 64, 3)

    References:
        Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", arXiv:1505.04597

        Hu et al., "Squeeze-and-Excitation Networks", arXiv:1709.01507
    """

    def __init__(
        self,
        num_classes: int = 1,
        intermediate_filters: Sequence[int] = (128, 64, 32, 16),
        *,
        target_size: tuple[int, int] | None = None,
        use_attention: bool = True,
        dropout_rate: float = 0.1,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_classes=num_classes)
        check_positive_ints(intermediate_filters=intermediate_filters)
        if target_size is not None:
            check_positive_ints(target_size=target_size)
            if len(target_size) != 2:
                raise ValueError(f"`target_size` must be a pair. Received: target_size={target_size!r}")
        check_rate(dropout_rate=dropout_rate)
        self.num_classes = num_classes
        self.intermediate_filters = intermediate_filters
        self.target_size = target_size
        self.use_attention = use_attention
        self.dropout_rate = dropout_rate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed

        self.doublings, self.skips = [], []
        for stage, filters in enumerate(intermediate_filters):
            kernels = 5 * stage  # Two in a doubling, three in a skip.
            self.doublings.append(Doubling(filters, **part_of(self, f"doubling{stage + 1}", kernels)))
            if stage < len(STRIDES) - 1:
                part = part_of(self, f"skip{stage + 1}", kernels + 2)
                self.skips.append(Skip(filters, use_attention=use_attention, **part))
        self.dropout = Dropout(dropout_rate, seed=seed, name="dropout", dtype=self.dtype_policy)
        self.classify = Dense(num_classes, **part_of(self, "classify", 5 * len(intermediate_filters)))

    def build(self, input_shape):
        check_pyramid(input_shape)
        _check_halves(input_shape)
        shape = input_shape[-1]
        for stage, doubling in enumerate(self.doublings):
            doubling.build(shape)
            shape = doubling.compute_output_shape(shape)
            if stage < len(self.skips):
                pair = shape, input_shape[1 - stage]
                self.skips[stage].build(pair)
                shape = self.skips[stage].compute_output_shape(pair)
        self.classify.build(shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs[-1]
        for stage, doubling in enumerate(self.doublings):
            x = doubling(x, training=training)
            if stage < len(self.skips):
                x = self.skips[stage]([x, inputs[1 - stage]], training=training)
        # Interpolation and the last layer commute, and there are fewer classes than channels mostly.
        return resize_bilinear(self.classify(self.dropout(x, training=training)), *self._size(ops.shape(inputs[0])))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], *self._size(input_shape[0]), self.num_classes)

    def _size(self, shape):
        if self.target_size is not None:
            return tuple(self.target_size)
        return tuple(None if size is None else STRIDES[0] * size for size in shape[1:3])


def _check_halves(input_shape) -> None:
    for finer, coarser in (input_shape[:2], input_shape[1:]):
        for size, half in zip(finer[1:3], coarser[1:3], strict=True):
            if size is not None and half is not None and half != -(-size // 2):
                raise ValueError(
                    "Each map must be half as high and wide as the one before, rounded up. "
                    f"Received: input_shape={input_shape}"
                )
