import keras
from keras import ops

from dl_techniques._checks import check_non_negative_int, check_positive
from dl_techniques._keras_layers import LayerNormalization
from dl_techniques._serialization import serializable
from dl_techniques.layers.attention._core import attend, attention_weights, weighted_sum
from dl_techniques.layers.attention._projected_attention import ProjectedAttention


@serializable
class HopfieldAttention(ProjectedAttention):
    """Attention as retrieval from a modern Hopfield network: queries are refined until they are stored patterns.

    A refinement replaces a query by the mean of the keys, weighted by how well they fit; each lowers the energy
    `-logsumexp(b K xi) / b + |xi|^2 / 2`. Without refinement and normalization this is multi-head attention.

    Formula, for each head: `xi_0 = LN(q W_q)`, `K = LN(k W_k)`, `p_t = softmax(b K xi_t)`, `xi_(t+1) = p_t K` with
    `b = 1 / sqrt(key_dim)`; the head gives `p_n (v W_v)` after `n` refinements. A head stops refining in a sample once
    a refinement changes `p`, as a matrix of all queries and keys, by at most `update_steps_eps` in the Euclidean norm.

    Args:
        num_heads: int, number of heads.
        key_dim: int, size of each head's queries and keys, the space of the patterns.
        value_dim: int, size of each head's values. `None` means `key_dim`.
        dropout_rate: float in [0, 1), dropout of the last attention weights.
        use_bias: bool, whether the four projections have biases.
        kernel_initializer: initializer of the projections.
        bias_initializer: initializer of their biases.
        kernel_regularizer: regularizer of the projections.
        bias_regularizer: regularizer of their biases.
        kernel_constraint: constraint on the projections, or None.
        bias_constraint: constraint on their biases, or None.
        normalize_patterns: bool, whether queries and keys are normalized, by one layer normalization for all heads,
            behind their projections: the space where the energy is lowered, `normalize_hopfield_space` in the authors'
            code. That normalizes the inputs instead by default; put layer normalizations before this layer for it.
        update_steps_max: int >= 0, the number `n` of refinements.
        update_steps_eps: float > 0, the change at which a head stops.
        seed: int or `None`, seed of the dropout.

    Call arguments:
        inputs: tensor `(batch, length, features)`, or a list: query `(batch, queries, features)` and
            key `(batch, keys, key_features)`, which is also the value, or a value `(batch, keys, value_features)` too.
        attention_mask: boolean tensor `(batch, queries, keys)` or `(batch, heads, queries, keys)`, true where a query
            may look at a key. A query that may look at nothing gets zeros from every head.
        use_causal_mask: bool, whether to hide later positions.
        mask: Keras' automatic padding mask, one an input; those of key and value hide keys.
        training: bool, whether to apply dropout.
        return_attention_scores: bool, whether to return the pair of output and attention weights before dropout,
            `(batch, heads, queries, keys)`.

    Input shape:
        `(batch, length, features)`, or a list of two or three such shapes.

    Output shape:
        That of the query.

    Example:

    >>> stored, query = keras.random.normal((2, 10, 16)), keras.random.normal((2, 3, 16))
    >>> tuple(HopfieldAttention(num_heads=4, key_dim=8, update_steps_max=3)([query, stored]).shape)
    (2, 3, 16)

    References:
        Ramsauer et al., "Hopfield Networks is All You Need", arXiv:2008.02217
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        *,
        value_dim: int | None = None,
        dropout_rate: float = 0.0,
        use_bias: bool = True,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        bias_initializer: str | keras.initializers.Initializer = "zeros",
        kernel_regularizer: str | keras.regularizers.Regularizer | None = None,
        bias_regularizer: str | keras.regularizers.Regularizer | None = None,
        kernel_constraint: str | keras.constraints.Constraint | None = None,
        bias_constraint: str | keras.constraints.Constraint | None = None,
        normalize_patterns: bool = True,
        update_steps_max: int = 0,
        update_steps_eps: float = 1e-4,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(
            num_heads,
            key_dim,
            value_dim=value_dim,
            dropout_rate=dropout_rate,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            seed=seed,
            **kwargs,
        )
        check_non_negative_int(update_steps_max=update_steps_max)
        check_positive(update_steps_eps=update_steps_eps)
        self.normalize_patterns = normalize_patterns
        self.update_steps_max = update_steps_max
        self.update_steps_eps = update_steps_eps
        self.pattern_norm = None
        if normalize_patterns:
            self.pattern_norm = LayerNormalization(epsilon=1e-5, name="pattern_norm", dtype=self.dtype_policy)

    def build(self, input_shape):
        if self.pattern_norm is not None:
            self.pattern_norm.build((None, None, self.num_heads, self.key_dim))
        super().build(input_shape)

    def _mix(self, query, key, value, mask, training):
        state, key = self._retrieve(query, key, mask)
        return attend(state, key, value, mask=mask, dropout=self.dropout, training=training)

    def _weights(self, query, key, mask):
        state, key = self._retrieve(query, key, mask)
        return attention_weights(state, key, mask=mask)

    def _retrieve(self, state, key, mask):
        """The refined queries, and the keys that they were refined with."""
        if self.pattern_norm is not None:
            state, key = self.pattern_norm(state), self.pattern_norm(key)
        before = None
        for _ in range(self.update_steps_max):
            weights = attention_weights(state, key, mask=mask)
            refined = weighted_sum(weights, key)
            if before is not None:  # A head that stops keeps its state, so its weights change no more.
                change = ops.sum(ops.square(ops.stop_gradient(weights - before)), axis=(2, 3))
                refined = ops.where((change > self.update_steps_eps**2)[:, None, :, None], refined, state)
            state, before = refined, weights
        return state, key
