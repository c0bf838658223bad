import keras

from dl_techniques._checks import check_positive, check_positive_int
from dl_techniques._keras_layers import Dense, LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.ffn._feed_forward import FeedForward, named_activation


@serializable
class DiffFFN2(FeedForward):
    """Second version of `DiffFFN`: wider gates with a temperature, and no norm in the branches, which may be shared.

    Formula: `y = W_o dropout(n) + b_o` with `n = norm(g+ - g-)`, where for each sign
    `g = gate_activation((W_p activation(W_b x + b_b) + b_p) / gate_temperature)`. The norm has no offset.

    Args:
        hidden_dim: int, size of the features of a branch and of its gate.
        output_dim: int, size of the output features.
        activation: activation of a branch.
        gate_activation: activation of a gate.
        gate_temperature: float > 0; the hotter, the less the gates tell apart.
        share_weights: bool, whether both gates look at the same features, `W_b x + b_b` of the positive branch.
        use_diff: bool, whether to subtract the negative gate. Otherwise there is none, and `n = norm(g+)`.
        return_diff: bool, whether to return `(y, n)` instead of `y`; needs `use_diff`.
        dropout_rate: float in [0, 1), dropout of the normalized difference.
        use_bias: bool, whether the projections have biases.
        kernel_initializer: initializer of the kernels.
        bias_initializer: initializer of the biases.
        kernel_regularizer: regularizer of the kernels, or None.
        seed: int or None, seed of the dropout.

    Input shape:
        `(batch, ..., features)`.

    Output shape:
        `(batch, ..., output_dim)`; with `return_diff` that and `(batch, ..., hidden_dim)`.

    Example:

    >>> layer = DiffFFN2(hidden_dim=64, output_dim=16, return_diff=True)
    >>> y, difference = layer(keras.random.normal((2, 10, 16)))
    >>> tuple(y.shape), tuple(difference.shape)
    ((2, 10, 16), (2, 10, 64))

    References:
        No paper.
    """

    def __init__(
        self,
        hidden_dim: int,
        output_dim: int,
        *,
        activation="relu",
        gate_activation="sigmoid",
        gate_temperature: float = 1.0,
        share_weights: bool = False,
        use_diff: bool = True,
        return_diff: bool = False,
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
        check_positive(gate_temperature=gate_temperature)
        if return_diff and not use_diff:
            raise ValueError(
                f"`return_diff` needs `use_diff`. Received: return_diff={return_diff}, use_diff={use_diff}"
            )
        self.hidden_dim = hidden_dim
        self.output_dim = output_dim
        self.activation = named_activation(activation=activation)
        self.gate_activation = named_activation(gate_activation=gate_activation)
        self.gate_temperature = gate_temperature
        self.share_weights = share_weights
        self.use_diff = use_diff
        self.return_diff = return_diff

        self.positive_branch = self._dense(hidden_dim, "positive_branch", 0)
        self.positive_proj = self._dense(hidden_dim, "positive_proj", 1)
        own_branch = use_diff and not share_weights
        self.negative_branch = self._dense(hidden_dim, "negative_branch", 2) if own_branch else None
        self.negative_proj = self._dense(hidden_dim, "negative_proj", 3) if use_diff else None
        self.norm = LayerNormalization(center=False, name="norm", dtype=self.dtype_policy)
        self.dropout = self._dropout("dropout")
        self.output_proj = self._dense(output_dim, "output_proj", 4)

    def build(self, input_shape):
        super().build(input_shape)
        hidden_shape = (*input_shape[:-1], self.hidden_dim)
        for branch in (self.positive_branch, self.negative_branch):
            if branch is not None:
                branch.build(input_shape)
        for proj in (self.positive_proj, self.negative_proj, self.norm, self.output_proj):
            if proj is not None:
                proj.build(hidden_shape)

    def call(self, inputs, training=None):
        features = self.activation(self.positive_branch(inputs))
        gate = self._gate(features, self.positive_proj)
        if self.use_diff:
            if self.negative_branch is not None:
                features = self.activation(self.negative_branch(inputs))
            gate = gate - self._gate(features, self.negative_proj)
        normalized = self.norm(gate)
        outputs = self.output_proj(self.dropout(normalized, training=training))
        return (outputs, normalized) if self.return_diff else outputs

    def compute_output_shape(self, input_shape):
        outputs = (*input_shape[:-1], self.output_dim)
        return (outputs, (*input_shape[:-1], self.hidden_dim)) if self.return_diff else outputs

    def _gate(self, features, proj: Dense):
        return self.gate_activation(proj(features) / self.gate_temperature)
