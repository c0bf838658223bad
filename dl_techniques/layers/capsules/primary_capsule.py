import math

import keras
from keras import ops

from dl_techniques._checks import check_choice, check_positive, check_positive_int, check_rank, normalize_axes
from dl_techniques._keras_layers import Conv2D
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques._shapes import conv_output_shape, pair
from dl_techniques.layers.capsules._squash import squash
from dl_techniques.utils.tensors import reshape


@serializable
class PrimaryCapsule(keras.layers.Layer):
    """The first capsules of a network: a convolution whose channels are grouped into vectors, which are squashed.

    Formula: `v = squash(reshape(conv(x)))`. The channel `capsule * dim_capsules + component` of a pixel becomes a
    component of one of its capsules; the capsules of a pixel stand together, row after row. `squash` is that of
    `SquashLayer`, computed in float32 and cast back.

    Args:
        num_capsules: int, number of capsules of each pixel of the convolution.
        dim_capsules: int, number of components of a capsule.
        kernel_size: int or pair of them, height and width of the kernel.
        strides: int or pair of them.
        padding: "valid" or "same".
        use_bias: bool, whether the convolution has a bias.
        kernel_initializer: initializer of its kernel.
        kernel_regularizer: regularizer of its kernel, or None.
        squash_epsilon: float > 0, added to the squared length that is divided by.

    Input shape:
        `(batch, height, width, channels)`; height and width may be unknown.

    Output shape:
        `(batch, new_height * new_width * num_capsules, dim_capsules)`.

    Example: the network of the paper, after its first convolution.

    >>> layer = PrimaryCapsule(num_capsules=32, dim_capsules=8, kernel_size=9, strides=2)
    >>> layer.compute_output_shape((None, 20, 20, 256))
    (None, 1152, 8)

    References:
        Sabour et al., "Dynamic Routing Between Capsules", arXiv:1710.09829
    """

    def __init__(
        self,
        num_capsules: int,
        dim_capsules: int,
        *,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "he_normal",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        squash_epsilon: float = 1e-7,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(num_capsules=num_capsules, dim_capsules=dim_capsules)
        check_choice(("valid", "same"), padding=padding)
        check_positive(squash_epsilon=squash_epsilon)
        self.num_capsules = num_capsules
        self.dim_capsules = dim_capsules
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.squash_epsilon = squash_epsilon

        self._kernel_size, self._strides = pair(kernel_size=kernel_size), pair(strides=strides)
        self.conv = Conv2D(
            num_capsules * dim_capsules,
            self._kernel_size,
            strides=self._strides,
            padding=padding,
            data_format="channels_last",
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer,
            kernel_regularizer=self.kernel_regularizer,
            name="conv",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        check_rank(input_shape, 4)
        normalize_axes(-1, input_shape)
        self.compute_output_shape(input_shape)  # Raises where the kernel is larger than the image.
        self.conv.build(input_shape)
        super().build(input_shape)

    def call(self, inputs, training=None):
        x = self.conv(inputs)
        number = self.compute_output_shape(inputs.shape)[1]
        # Only one size may be left open, and it cannot be told from a batch of nothing.
        capsules = (ops.shape(x)[0], -1) if number is None else (-1, number)
        x = reshape(x, (*capsules, self.dim_capsules))
        return ops.cast(squash(at_least_float32(x), -1, self.squash_epsilon), x.dtype)

    def compute_output_shape(self, input_shape):
        filters = self.num_capsules * self.dim_capsules
        batch, *sizes, _ = conv_output_shape(input_shape, filters, self._kernel_size, self._strides, self.padding)
        number = None if None in sizes else math.prod(sizes) * self.num_capsules
        return (batch, number, self.dim_capsules)
