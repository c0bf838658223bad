from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import keras
from keras.layers import LeakyReLU

from dl_techniques._batch_normalization import BatchNormalization
from dl_techniques._initializers import fresh
from dl_techniques.constraints.value_range_constraint import ValueRangeConstraint
from dl_techniques.layers.activations.mish import Mish, SaturatedMish
from dl_techniques.layers.convolution._functional import check_symbolic


class ConvType(Enum):
    """The kinds of convolution that `conv2d_wrapper` adds."""

    CONV2D = 0
    CONV2D_DEPTHWISE = 1
    CONV2D_TRANSPOSE = 2
    CONV2D_SEPARABLE = 3

    @classmethod
    def from_string(cls, type_str: str) -> "ConvType":
        """The type of that name, in lower or upper case."""
        name = type_str.strip().upper() if isinstance(type_str, str) else None
        if name not in cls.__members__:
            raise ValueError(f"`type_str` must be one of {list(cls.__members__)}. Received: type_str={type_str!r}")
        return cls[name]

    def to_string(self) -> str:
        return self.name


_LAYERS: dict[ConvType, type[keras.layers.Layer]] = {
    ConvType.CONV2D: keras.layers.Conv2D,
    ConvType.CONV2D_DEPTHWISE: keras.layers.DepthwiseConv2D,
    ConvType.CONV2D_TRANSPOSE: keras.layers.Conv2DTranspose,
    ConvType.CONV2D_SEPARABLE: keras.layers.SeparableConv2D,
}
_KERNELS = {ConvType.CONV2D_DEPTHWISE: ("depthwise",), ConvType.CONV2D_SEPARABLE: ("depthwise", "pointwise")}


def _prelu() -> keras.layers.PReLU:
    return keras.layers.PReLU(
        alpha_initializer=keras.initializers.Constant(0.1),
        alpha_regularizer=keras.regularizers.L1(1e-3),
        alpha_constraint=ValueRangeConstraint(0.0, 1.0),
        shared_axes=(1, 2),
    )


_ACTIVATIONS: dict[str, Callable[[], keras.layers.Layer]] = {
    "mish": Mish,
    "scaled_mish": lambda: SaturatedMish(alpha=2.0),
    "leaky_relu": lambda: LeakyReLU(negative_slope=0.3),
    "leaky_relu_01": lambda: LeakyReLU(negative_slope=0.1),
    "leaky_relu_001": lambda: LeakyReLU(negative_slope=0.01),
    "prelu": _prelu,
}


def activation_wrapper(activation: str | keras.layers.Layer = "linear") -> keras.layers.Layer:
    """Returns an activation as a layer: the one given, or a new one for a name.

    Args:
        activation: layer, or a name, where case and spaces around it do not matter: "mish"; "scaled_mish", which
            levels off at 2; "leaky_relu", "leaky_relu_01" and "leaky_relu_001" with the slopes 0.3, 0.1 and 0.01, also
            written "leakyrelu..."; "prelu" for images, with one slope a channel in [0, 1], started at 0.1, with
            L1(1e-3); or any activation of Keras.

    Example:

    >>> y = activation_wrapper("leaky_relu_01")(keras.ops.convert_to_tensor([-1.0, 2.0]))
    >>> print(keras.ops.convert_to_numpy(y))
    [-0.1  2. ]

    References:
        - Misra, "Mish: A Self Regularized Non-Monotonic Activation Function", arXiv:1908.08681
        - He et al., "Delving Deep into Rectifiers", arXiv:1502.01852, for "prelu"
    """
    if isinstance(activation, keras.layers.Layer):
        return activation
    if not isinstance(activation, str):
        raise ValueError(f"`activation` must be a layer or a name. Received: activation={activation!r}")
    name = activation.strip().lower().replace("leakyrelu", "leaky_relu")
    return _ACTIVATIONS[name]() if name in _ACTIVATIONS else keras.layers.Activation(name)


def conv2d_wrapper(
    input_layer: keras.KerasTensor,
    conv_params: Mapping[str, Any],
    *,
    bn_params: Mapping[str, Any] | None = None,
    ln_params: Mapping[str, Any] | None = None,
    dropout_params: Mapping[str, Any] | None = None,
    dropout_2d_params: Mapping[str, Any] | None = None,
    conv_type: ConvType | str = ConvType.CONV2D,
) -> keras.KerasTensor:
    """Adds a convolution, with what usually follows it, to a functional model.

    Formula: `spatial_dropout(dropout(activation(layer_norm(batch_norm(convolution(x))))))`, each step only if it is
    asked for.

    Args:
        input_layer: symbolic tensor `(batch, height, width, channels)`.
        conv_params: arguments of the Keras layer of `conv_type`. "activation" comes after the norms and may be
            anything that `activation_wrapper` takes. For the types whose kernels have other names, those starting with
            "kernel_" are translated, as "depthwise_initializer" and "pointwise_initializer", and a depthwise
            convolution ignores "filters". So the same arguments serve all types. Several convolutions made of the same
            arguments start with different kernels, unless the initializer has a seed.
        bn_params: arguments of batch normalization, `{}` for its defaults, or None for no such step.
        ln_params: the same of layer normalization.
        dropout_params: the same of `keras.layers.Dropout`.
        dropout_2d_params: the same of `keras.layers.SpatialDropout2D`.
        conv_type: `ConvType` or its name.

    Returns:
        Symbolic tensor of the shape that the convolution gives.

    Example:

    >>> x = keras.Input((32, 32, 3))
    >>> y = conv2d_wrapper(x, {"filters": 8, "kernel_size": 3, "padding": "same", "activation": "mish"}, bn_params={})
    >>> [type(layer).__name__ for layer in keras.Model(x, y).layers]
    ['InputLayer', 'Conv2D', 'BatchNormalization', 'Mish']

    References:
        No paper.
    """
    check_symbolic(input_layer=input_layer)
    if not isinstance(conv_params, Mapping):
        raise ValueError(f"`conv_params` must be a dictionary. Received: conv_params={conv_params!r}")
    kind = conv_type if isinstance(conv_type, ConvType) else ConvType.from_string(conv_type)
    arguments = dict(conv_params)
    activation = arguments.pop("activation", None)
    x = _LAYERS[kind](**_translated(arguments, kind))(input_layer)
    if bn_params is not None:
        x = BatchNormalization(**bn_params)(x)
    if ln_params is not None:
        x = keras.layers.LayerNormalization(**ln_params)(x)
    if activation not in (None, "linear"):
        x = activation_wrapper(activation)(x)
    if dropout_params is not None:
        x = keras.layers.Dropout(**dropout_params)(x)
    if dropout_2d_params is not None:
        x = keras.layers.SpatialDropout2D(**{"data_format": "channels_last", **dropout_2d_params})(x)
    return x


def _translated(arguments: dict[str, Any], kind: ConvType) -> dict[str, Any]:
    arguments = {"data_format": "channels_last", **arguments}
    if arguments["data_format"] != "channels_last":
        raise ValueError(f"Channels must come last. Received: data_format={arguments['data_format']!r}")
    if kind is ConvType.CONV2D_DEPTHWISE:
        arguments.pop("filters", None)
    names = _KERNELS.get(kind, ("kernel",))
    for suffix in ("initializer", "regularizer", "constraint"):
        if (given := arguments.pop(f"kernel_{suffix}", None)) is not None:
            arguments = {**{f"{name}_{suffix}": given for name in names}, **arguments}
    for index, name in enumerate(names):
        if (initializer := arguments.get(f"{name}_initializer")) is not None:
            arguments[f"{name}_initializer"] = fresh(keras.initializers.get(initializer), index)
    return arguments
