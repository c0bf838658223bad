from collections.abc import Callable

import keras

from dl_techniques._checks import check_non_negative, check_number, check_positive_int
from dl_techniques._initializers import fresh
from dl_techniques._keras_layers import Dense, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.constraints import ValueRangeConstraint
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation
from dl_techniques.layers.regularization import LayerScale
from dl_techniques.regularizers import SoftOrthonormalConstraintRegularizer


@serializable
class OrthoBlock(FeedForward):
    """Dense layer with a kernel that is drawn to orthonormality, normalized features and a learned gain for each.

    Orthonormal units look at different things. The normalization takes away how long their kernels are, and the gains,
    which are drawn to zero, show which units are needed.

    Formula: `y = activation(scale * (normalize(W x + b) + beta))`, normalized over the features to mean 0 and
    variance 1.

    It adds the loss `ortho_reg_factor * sum((W^T W - I)^2)`, or with more units than features that of `W W^T - I`, as
    only the rows can be orthonormal then. It is a regularizer of the kernel: it counts once however often the layer is
    called, and is there in evaluation too, as Keras' regularizers are.

    Args:
        units: int, size of the output features.
        activation: activation of the output, or None.
        use_bias: bool, whether to add a bias before the normalization.
        ortho_reg_factor: float >= 0, the strength of the loss.
        kernel_initializer: initializer of the kernel.
        bias_initializer: initializer of the bias.
        kernel_regularizer: another regularizer of the kernel, or None.
        bias_regularizer: regularizer of the bias, or None.
        scale_initial_value: float in [0, 1], what the gains start with. They stay within [0, 1], and have an L1
            regularizer of 1e-5.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., units)`.

    Example:

    >>> layer = OrthoBlock(units=2, scale_initial_value=1.0)
    >>> layer.build((None, 2))
    >>> _ = layer.dense.kernel.assign([[1.0, 0.0], [0.0, 1.0]])
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.array([[5.0, 1.0]]))).round(4))
    [[ 1. -1.]]

    References:
        Bansal et al., "Can We Gain More from Orthogonality Regularizations in Training Deep CNNs?", arXiv:1810.09102
    """

    def __init__(
        self,
        units: int,
        activation: str | Callable | None = None,
        *,
        use_bias: bool = True,
        ortho_reg_factor: float = 0.01,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        scale_initial_value: float = 0.5,
        **kwargs,
    ):
        super().__init__(
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            **kwargs,
        )
        check_positive_int(units=units)
        check_non_negative(ortho_reg_factor=ortho_reg_factor)
        check_number(scale_initial_value=scale_initial_value)
        if not 0 <= scale_initial_value <= 1:
            raise ValueError(
                f"`scale_initial_value` must lie in [0, 1]. Received: scale_initial_value={scale_initial_value}"
            )
        self.units = units
        self.activation = named_activation(activation=activation)
        self.ortho_reg_factor = ortho_reg_factor
        self.scale_initial_value = scale_initial_value

        self.dense = Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=fresh(self.kernel_initializer),
            bias_initializer=fresh(self.bias_initializer),
            kernel_regularizer=self._penalty,
            bias_regularizer=self.bias_regularizer,
            name="dense",
            dtype=self.dtype_policy,
        )
        self.norm = LayerNormalization(epsilon=1e-6, scale=False, name="norm", dtype=self.dtype_policy)
        self.scale = LayerScale(
            initializer=keras.initializers.Constant(scale_initial_value),
            regularizer=keras.regularizers.L1(1e-5),
            constraint=ValueRangeConstraint(0.0, 1.0),
            name="scale",
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        super().build(input_shape)
        self.dense.build(input_shape)
        shape = self.compute_output_shape(input_shape)
        self.norm.build(shape)
        self.scale.build(shape)

    def call(self, inputs, training=None):
        return self.activation(self.scale(self.norm(self.dense(inputs))))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def _penalty(self, kernel):
        orthonormal = SoftOrthonormalConstraintRegularizer(self.ortho_reg_factor, l2_coefficient=0.0, gram="auto")
        loss = orthonormal(kernel)
        return loss if self.kernel_regularizer is None else loss + self.kernel_regularizer(kernel)
