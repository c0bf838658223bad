from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._checks import check_positive_int, check_positive_ints, check_rank, normalize_axes
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Conv2D, Dense
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention.convolutional_block_attention_module import ConvolutionalBlockAttentionModule


@serializable
class CBAMNet(keras.Model):
    """Small classifier of images that weighs channels and pixels after each of its convolutions.

    Formula: for each stage `x = cbam(norm(relu(conv(x))))` with a 3 x 3 convolution that keeps height and width, batch
    normalization and `ConvolutionalBlockAttentionModule`; then `y = softmax(W mean_hw(x) + b)`. Mean and softmax are
    computed in float32 and cast back.

    Args:
        num_classes: int >= 2, number of classes.
        filters: the number of channels of each stage.
        ratio: int, the hidden layer of a channel attention has `channels // ratio` units.
        kernel_size: int, odd, size of the filters of the spatial attention.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, num_classes)`, the probabilities.

    Example:

    >>> model = CBAMNet(num_classes=10)
    >>> tuple(model(keras.random.normal((2, 32, 32, 3))).shape)
    (2, 10)

    References:
        Woo et al., "CBAM: Convolutional Block Attention Module", arXiv:1807.06521, for the module.
    """

    def __init__(
        self,
        num_classes: int,
        filters: Sequence[int] = (64, 128),
        *,
        ratio: int = 8,
        kernel_size: int = 7,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_classes=num_classes)
        if num_classes == 1:
            raise ValueError(f"`num_classes` must be an integer >= 2. Received: num_classes={num_classes}")
        check_positive_ints(filters=filters)
        self.num_classes = num_classes
        self.filters = filters
        self.ratio = ratio
        self.kernel_size = kernel_size
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

        # Each stage has four kernels, each with an initializer of its own.
        self.convolutions = [self._convolution(number, index) for index, number in enumerate(filters)]
        self.norms = [BatchNormalization(name=f"norm{i + 1}", dtype=self.dtype_policy) for i in range(len(filters))]
        self.attentions = [self._attention(number, index) for index, number in enumerate(filters)]
        self.head = Dense(
            num_classes,
            kernel_initializer=fresh(self.kernel_initializer, 4 * len(filters)),
            kernel_regularizer=self.kernel_regularizer,
            name="head",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        shape = input_shape
        for filters, convolution, norm, attention in zip(
            self.filters, self.convolutions, self.norms, self.attentions, strict=True
        ):
            convolution.build(shape)
            shape = (*input_shape[:3], filters)
            norm.build(shape)
            attention.build(shape)
        self.head.build((input_shape[0], shape[-1]))
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = inputs
        for convolution, norm, attention in zip(self.convolutions, self.norms, self.attentions, strict=True):
            x = attention(norm(convolution(x), training=training))
        logits = self.head(mean_over(at_least_float32(x), axis=(1, 2)))
        return ops.cast(ops.softmax(at_least_float32(logits)), logits.dtype)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_classes)

    def _convolution(self, filters: int, stage: int) -> Conv2D:
        return Conv2D(
            filters,
            3,
            padding="same",
            data_format="channels_last",
            activation="relu",
            kernel_initializer=fresh(self.kernel_initializer, 4 * stage),
            kernel_regularizer=self.kernel_regularizer,
            name=f"convolution{stage + 1}",
            dtype=self.dtype_policy,
        )

    def _attention(self, filters: int, stage: int) -> ConvolutionalBlockAttentionModule:
        return ConvolutionalBlockAttentionModule(
            filters,
            self.ratio,
            kernel_size=self.kernel_size,
            channel_kernel_initializer=fresh(self.kernel_initializer, 4 * stage + 1),
            spatial_kernel_initializer=fresh(self.kernel_initializer, 4 * stage + 3),
            channel_kernel_regularizer=self.kernel_regularizer,
            spatial_kernel_regularizer=self.kernel_regularizer,
            name=f"attention{stage + 1}",
            dtype=self.dtype_policy,
        )
