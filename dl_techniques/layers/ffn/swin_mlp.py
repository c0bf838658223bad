import keras

from dl_techniques._checks import check_positive_int
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._two_dense import TwoDense


@serializable
class SwinMLP(TwoDense):
    """The feed-forward network of a Swin transformer block, as wide at its end as its input unless told otherwise.

    The same function as `MLPBlock`; blocks that keep the width of their input need not name it.

    Formula: `y = dropout(W2 dropout(activation(W1 x + b1)) + b2)`

    Args:
        hidden_dim: int, size of the features in between.
        output_dim: int, size of the output features, or None for that of the input.
        activation: activation between the two layers; "gelu" is the exact one.
        dropout_rate: float in [0, 1), dropout after each of the two layers.
        use_bias: bool, whether the layers have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        bias_regularizer: regularizer of the biases, or None.
        seed: int or None, seed of the dropouts.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., output_dim)`, or the same as the input.

    Example:

    >>> layer = SwinMLP(hidden_dim=64)
    >>> tuple(layer(keras.random.normal((2, 7, 7, 16))).shape)
    (2, 7, 7, 16)

    References:
        Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", arXiv:2103.14030
    """

    def __init__(
        self,
        hidden_dim: int,
        output_dim: int | None = None,
        *,
        activation="gelu",
        dropout_rate: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            hidden_dim,
            activation=activation,
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            seed=seed,
            **kwargs,
        )
        if output_dim is not None:
            check_positive_int(output_dim=output_dim)
        self.output_dim = output_dim

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] if self.output_dim is None else self.output_dim)
