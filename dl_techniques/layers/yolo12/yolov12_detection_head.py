import math

import keras
from keras import ops
from keras.initializers import Constant

from dl_techniques._checks import check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.convolution.yolov12_conv_block import YOLOv12ConvBlock
from dl_techniques.layers.yolo12._branch import Branch
from dl_techniques.layers.yolo12._parts import part_of
from dl_techniques.layers.yolo12._pyramid import check_pyramid
from dl_techniques.utils.anchors import STRIDES


@serializable
class YOLOv12DetectionHead(keras.layers.Layer):
    """Boxes and classes for every cell of three feature maps, without anchors.

    Two branches a map, one for the box and one for the class. A box side comes as logits of a distribution over
    `0, ..., reg_max - 1` strides, whose mean is the distance from the cell's center (generalized focal loss).

    Formula: with `c2 = max(16, c / 4, 4 * reg_max)` and `c3 = max(c, min(num_classes, 100))`, where `c` are the
    channels of the first map: the box branch is two 3 x 3 convolution blocks to `c2` channels, the class branch twice
    a depthwise 3 x 3 and a 1 x 1 block to `c3` channels. A linear layer ends each.

    Args:
        num_classes: int, number of classes.
        reg_max: int, number of logits for each of the four sides of a box.
        use_bias_prior: bool, whether box logits start with a bias of 1 and class logits with the logarithm of the
            share of cells that five objects in an image of 640 x 640 pixels would take; else with 0.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels, or `None`.

    Input shape:
        A list of three maps `(batch, height, width, channels)` of strides 8, 16 and 32.

    Output shape:
        `(batch, cells, 4 * reg_max + num_classes)`, the logits of the box before those of the classes; the cells of
        the first map row by row, then those of the second and of the third.

    Example:

    >>> maps = [keras.random.normal((2, size, size, 16)) for size in (8, 4, 2)]
    >>> tuple(YOLOv12DetectionHead(num_classes=20)(maps).shape)
    (2, 84, 84)

    References:
        Tian, Ye and Doermann, "YOLOv12: Attention-Centric Real-Time Object Detectors", arXiv:2502.12524, and its code

        Li et al., "Generalized Focal Loss: Learning Qualified and Distributed Bounding Boxes for Dense Object
        Detection", arXiv:2006.04388
    """

    def __init__(
        self,
        num_classes: int = 80,
        reg_max: int = 16,
        *,
        use_bias_prior: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_classes=num_classes, reg_max=reg_max)
        self.num_classes = num_classes
        self.reg_max = reg_max
        self.use_bias_prior = use_bias_prior
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        check_pyramid(input_shape)
        channels = input_shape[0][-1]
        self._box_width = max(16, channels // 4, 4 * self.reg_max)
        self._class_width = max(channels, min(self.num_classes, 100))
        self.box_branches = [self._box_branch(scale) for scale in range(len(STRIDES))]
        self.class_branches = [self._class_branch(scale, shape[-1]) for scale, shape in enumerate(input_shape)]
        for branches in (self.box_branches, self.class_branches):
            for branch, shape in zip(branches, input_shape, strict=True):
                branch.build(shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        logits = []
        for x, box, classes in zip(inputs, self.box_branches, self.class_branches, strict=True):
            both = ops.concatenate([box(x, training=training), classes(x, training=training)], axis=-1)
            _, height, width, size = ops.shape(both)
            logits.append(ops.reshape(both, (-1, height * width, size)))
        return ops.concatenate(logits, axis=1)

    def compute_output_shape(self, input_shape):
        known = all(size is not None for shape in input_shape for size in shape[1:3])
        cells = sum(height * width for _, height, width, _ in input_shape) if known else None
        return (input_shape[0][0], cells, 4 * self.reg_max + self.num_classes)

    def _box_branch(self, scale: int) -> Branch:
        blocks = [self._block(self._box_width, 3, 1, scale, index) for index in range(2)]
        return self._branch(f"box{scale + 1}", blocks, 4 * self.reg_max, 1.0, scale, 2)

    def _class_branch(self, scale: int, channels: int) -> Branch:
        width = self._class_width
        blocks = [
            self._block(channels, 3, channels, scale, 3),
            self._block(width, 1, 1, scale, 4),
            self._block(width, 3, width, scale, 5),
            self._block(width, 1, 1, scale, 6),
        ]
        prior = math.log(5 / self.num_classes / (640 / STRIDES[scale]) ** 2)
        return self._branch(f"class{scale + 1}", blocks, self.num_classes, prior, scale, 7)

    def _branch(self, name: str, blocks: list, units: int, prior: float, scale: int, index: int) -> Branch:
        return Branch(
            blocks,
            units,
            bias_initializer=Constant(prior) if self.use_bias_prior else "zeros",
            **part_of(self, name, 8 * scale + index),
        )

    def _block(self, filters: int, kernel_size: int, groups: int, scale: int, index: int) -> YOLOv12ConvBlock:
        part = part_of(self, f"block{index}", 8 * scale + index)  # A scale has eight kernels.
        return YOLOv12ConvBlock(filters, kernel_size, groups=groups, **part)
