import keras

from dl_techniques._checks import check_positive_int
from dl_techniques._keras_layers import Dense, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation


@serializable
class DiffFFN(FeedForward):
    """Feed-forward network of two rival branches, one for and one against; the difference of their gates goes on.

    Formula: `y = W_o dropout(norm(g+ - g-)) + b_o`, where for each sign
    `g = gate_activation(W_p branch_activation(norm(W_d x + b_d)) + b_p)`. The norm of the difference has no offset.

    The branches start with kernels of their own; equal branches would cancel.

    Args:
        hidden_dim: int >= 2, size of the features of a branch; its gate has half of them, rounded down.
        output_dim: int, size of the output features.
        branch_activation: activation of a branch.
        gate_activation: activation of a gate.
        dropout_rate: float in [0, 1), dropout of the normalized difference.
        use_bias: bool, whether the five projections have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropout.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., output_dim)`.

    Example:

    >>> layer = DiffFFN(hidden_dim=64, output_dim=16)
    >>> tuple(layer(keras.random.normal((2, 10, 16))).shape)
    (2, 10, 16)

    References:
        No paper. `DiffFFN2` is its second version.
    """

    def __init__(
        self,
        hidden_dim: int,
        output_dim: int,
        *,
        branch_activation="gelu",
        gate_activation="sigmoid",
        dropout_rate: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            seed=seed,
            **kwargs,
        )
        check_positive_int(hidden_dim=hidden_dim, output_dim=output_dim)
        if hidden_dim < 2:
            raise ValueError(f"`hidden_dim` must be at least 2. Received: hidden_dim={hidden_dim}")
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.branch_activation = named_activation(branch_activation=branch_activation)
        self.gate_activation = named_activation(gate_activation=gate_activation)

        dtype = self.dtype_policy
        self.positive_dense = self._dense(hidden_dim, "positive_dense", 0)
        self.negative_dense = self._dense(hidden_dim, "negative_dense", 1)
        self.positive_norm = LayerNormalization(name="positive_norm", dtype=dtype)
        self.negative_norm = LayerNormalization(name="negative_norm", dtype=dtype)
        self.positive_proj = self._dense(hidden_dim // 2, "positive_proj", 2)
        self.negative_proj = self._dense(hidden_dim // 2, "negative_proj", 3)
        self.difference_norm = LayerNormalization(center=False, name="difference_norm", dtype=dtype)
        self.dropout = self._dropout("dropout")
        self.output_proj = self._dense(output_dim, "output_proj", 4)

    def build(self, input_shape):
        super().build(input_shape)
        hidden_shape = (*input_shape[:-1], self.hidden_dim)
        gate_shape = (*input_shape[:-1], self.hidden_dim // 2)
        self.positive_dense.build(input_shape)
        self.negative_dense.build(input_shape)
        self.positive_norm.build(hidden_shape)
        self.negative_norm.build(hidden_shape)
        self.positive_proj.build(hidden_shape)
        self.negative_proj.build(hidden_shape)
        self.difference_norm.build(gate_shape)
        self.output_proj.build(gate_shape)

    def call(self, inputs, training=None):
        positive = self._gate(inputs, self.positive_dense, self.positive_norm, self.positive_proj)
        negative = self._gate(inputs, self.negative_dense, self.negative_norm, self.negative_proj)
        difference = self.difference_norm(positive - negative)
        return self.output_proj(self.dropout(difference, training=training))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.output_dim)

    def _gate(self, inputs, dense: Dense, norm: LayerNormalization, proj: Dense):
        return self.gate_activation(proj(self.branch_activation(norm(dense(inputs)))))
