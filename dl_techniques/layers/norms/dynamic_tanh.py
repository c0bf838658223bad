from collections.abc import Sequence

import keras

from dl_techniques._checks import check_axis, check_number, normalize_axes
from dl_techniques._precision import tanh
from dl_techniques._serialization import serializable
from dl_techniques.layers.norms._rms import along_axes


@serializable
class DynamicTanh(keras.layers.Layer):
    """Dynamic tanh (DyT), a replacement of normalization that needs no statistics.

    Trained transformers use layer normalization much like a tanh: nearly linear in the middle, squashing the extremes.
    This layer is that tanh, with a learned slope.

    Formula: `y = kernel * tanh(alpha * x) + bias`

    The paper starts `alpha` at 0.5 except in language models, where smaller values suit wider models and larger ones
    suit the layers before attention.

    Args:
        axis: int or a list of them, the axes along which `kernel` and `bias` have an element each.
        alpha_init_value: float, the initial value of `alpha`, the one slope of all elements.
        kernel_initializer: initializer of `kernel`.
        bias_initializer: initializer of `bias`.
        kernel_regularizer: regularizer of `kernel`, or None.
        bias_regularizer: regularizer of `bias`, or None.
        kernel_constraint: constraint on `kernel`, or None.
        bias_constraint: constraint on `bias`, or None.

    Input shape:
        Any; the axes named must have known sizes.

    Output shape:
        Same as the input.

    Example:

    >>> y = DynamicTanh()(keras.ops.convert_to_tensor([[-1.0, 0.0, 1.0, 10.0]]))
    >>> print(keras.ops.convert_to_numpy(y).round(4))
    [[-0.4621  0.      0.4621  0.9999]]

    References:
        Zhu et al., "Transformers without Normalization", arXiv:2503.10622
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        alpha_init_value: float = 0.5,
        *,
        kernel_initializer: str | keras.initializers.Initializer = "ones",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        kernel_constraint: str | keras.constraints.Constraint | None = None,
        bias_constraint: str | keras.constraints.Constraint | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_axis(axis)
        check_number(alpha_init_value=alpha_init_value)
        self.axis = axis
        self.alpha_init_value = alpha_init_value
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = normalize_axes(self.axis, input_shape)
        shape = tuple(input_shape[a] for a in self._axes)
        alpha_initializer = keras.initializers.Constant(self.alpha_init_value)
        self.alpha = self.add_weight(name="alpha", shape=(), initializer=alpha_initializer)
        self.kernel = self.add_weight(
            name="kernel",
            shape=shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = self.add_weight(
            name="bias",
            shape=shape,
            initializer=self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )
        super().build(input_shape)

    def call(self, inputs, training=None):
        kernel = along_axes(self.kernel, self._axes, inputs.shape)
        bias = along_axes(self.bias, self._axes, inputs.shape)
        return kernel * tanh(self.alpha * inputs) + bias

    def compute_output_shape(self, input_shape):
        return input_shape
