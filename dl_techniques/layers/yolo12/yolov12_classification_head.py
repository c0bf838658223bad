from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import check_positive_int, check_positive_ints, check_rate
from dl_techniques._initializers import derived_seed
from dl_techniques._keras_layers import Dense, Dropout
from dl_techniques._precision import at_least_float32, mean_over
from dl_techniques._serialization import serializable
from dl_techniques.layers.convolution.squeeze_excitation import SqueezeExcitation
from dl_techniques.layers.yolo12._parts import part_of
from dl_techniques.layers.yolo12._pyramid import check_pyramid


@serializable
class YOLOv12ClassificationHead(keras.layers.Layer):
    """Classes of a whole image, from what is pooled from three feature maps.

    Formula: `v` are the averages and maxima of the channels of each map over its pixels, map by map, next to each
    other. Then `h_0 = gate(v)`, `h_i = dropout(relu(W_i h_{i-1} + b_i))` for each hidden layer, and `y = W h + b`.
    The gate is squeeze-and-excitation with a ratio of 1/4 and biases: `v * sigmoid(V_2 relu(V_1 v + a_1) + a_2)`.

    Args:
        num_classes: int, number of classes.
        hidden_dims: list of ints, units of the hidden layers.
        pooling_types: list of "avg" and "max", what is pooled from a map, in that order.
        use_attention: bool, whether what is pooled is gated.
        dropout_rate: float in [0, 1), dropout after each hidden layer.
        kernel_initializer: initializer of all kernels.
        kernel_regularizer: regularizer of all kernels, or `None`.
        seed: int or `None`, seed of the dropouts.

    Input shape:
        A list of three maps `(batch, height, width, channels)`; heights and widths may be unknown.

    Output shape:
        `(batch, num_classes)`, logits.

    Example:

    >>> maps = [keras.random.normal((2, size, size, 16)) for size in (8, 4, 2)]
    >>> tuple(YOLOv12ClassificationHead(num_classes=10)(maps).shape)
    (2, 10)

    References:
        Hu et al., "Squeeze-and-Excitation Networks", arXiv:1709.01507
    """

    def __init__(
        self,
        num_classes: int = 1,
        hidden_dims: Sequence[int] = (512, 256),
        *,
        pooling_types: Sequence[str] = ("avg", "max"),
        use_attention: bool = True,
        dropout_rate: float = 0.3,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_classes=num_classes)
        check_positive_ints(hidden_dims=hidden_dims)
        if not pooling_types or not all(kind in ("avg", "max") for kind in pooling_types):
            raise ValueError(
                "`pooling_types` must be a list of 'avg' and 'max', not empty. "
                f"Received: pooling_types={pooling_types!r}"
            )
        check_rate(dropout_rate=dropout_rate)
        self.num_classes = num_classes
        self.hidden_dims = hidden_dims
        self.pooling_types = pooling_types
        self.use_attention = use_attention
        self.dropout_rate = dropout_rate
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.seed = seed

        dtype = self.dtype_policy
        self.gate = SqueezeExcitation(0.25, use_bias=True, **part_of(self, "gate", 0)) if use_attention else None
        self.hidden = [
            Dense(
                units, activation="relu", **part_of(self, f"hidden{index + 1}", index + 2)
            )  # The gate has two kernels.
            for index, units in enumerate(hidden_dims)
        ]
        self.dropouts = [
            Dropout(dropout_rate, seed=derived_seed(seed, index), name=f"dropout{index + 1}", dtype=dtype)
            for index in range(len(hidden_dims))
        ]
        self.classify = Dense(num_classes, **part_of(self, "classify", len(hidden_dims) + 2))

    def build(self, input_shape):
        check_pyramid(input_shape)
        batch = input_shape[0][0]
        width = len(self.pooling_types) * sum(shape[-1] for shape in input_shape)
        if self.gate is not None:
            self.gate.build((batch, 1, 1, width))
        for dense in (*self.hidden, self.classify):
            dense.build((batch, width))
            width = dense.units
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = ops.concatenate([_pool(image, kind) for image in inputs for kind in self.pooling_types], axis=-1)
        if self.gate is not None:
            x = self.gate(x[:, None, None])[:, 0, 0]
        for dense, dropout in zip(self.hidden, self.dropouts, strict=True):
            x = dropout(dense(x), training=training)
        return self.classify(x)

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.num_classes)


def _pool(image, kind: str):
    if kind == "max":
        return ops.amax(image, axis=(1, 2))
    return ops.cast(mean_over(at_least_float32(image), axis=(1, 2)), image.dtype)
