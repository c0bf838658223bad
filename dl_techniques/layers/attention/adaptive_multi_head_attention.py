from collections.abc import Sequence

import keras

from dl_techniques._serialization import serializable
from dl_techniques.layers.activations.adaptive_softmax import AdaptiveSoftmax
from dl_techniques.layers.attention._core import attention_weights
from dl_techniques.layers.attention._projected_attention import ProjectedAttention


@serializable
class AdaptiveMultiHeadAttention(ProjectedAttention):
    """Multi-head attention that sharpens the weights of queries that would look everywhere a little.

    A softmax over more keys than it was trained on gets flatter, however clear the best key is. Here each query of
    each head has a temperature of its own, that the entropy of its weights decides.

    Formula, for each query and head: `softmax(s / T) v` with `s = q k^T / sqrt(key_dim)`, `H` the entropy of
    `softmax(s)` over the keys that the query may look at, and `T = 1`, but where `H > entropy_threshold`
    `T = clip(1 / max(polynomial(H), 1), min_temp, max_temp)`. Gradients flow through `T`.

    Args:
        num_heads: int, number of heads.
        key_dim: int, size of each head's queries and keys.
        value_dim: int, size of each head's values. `None` means `key_dim`.
        dropout_rate: float in [0, 1), dropout of the attention weights.
        use_bias: bool, whether the four projections have biases.
        kernel_initializer: initializer of the projections.
        bias_initializer: initializer of their biases.
        kernel_regularizer: regularizer of the projections.
        bias_regularizer: regularizer of their biases.
        kernel_constraint: constraint on the projections, or None.
        bias_constraint: constraint on their biases, or None.
        min_temp: float > 0, the lowest temperature.
        max_temp: float >= min_temp, the highest temperature above the threshold.
        entropy_threshold: float >= 0, in nats.
        polynomial_coeffs: the coefficients, the one of the highest power first.
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

    >>> layer = AdaptiveMultiHeadAttention(num_heads=4, key_dim=8)
    >>> tuple(layer(keras.random.normal((2, 10, 16)), use_causal_mask=True).shape)
    (2, 10, 16)

    References:
        Velickovic et al., "softmax is not enough (for sharp out-of-distribution)", arXiv:2410.01104

        Vaswani et al., "Attention Is All You Need", arXiv:1706.03762
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
        min_temp: float = 0.1,
        max_temp: float = 1.0,
        entropy_threshold: float = 0.5,
        polynomial_coeffs: Sequence[float] = (-0.037, 0.481, -2.3, 4.917, -1.791),
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
        self.min_temp = min_temp
        self.max_temp = max_temp
        self.entropy_threshold = entropy_threshold
        self.polynomial_coeffs = polynomial_coeffs
        # The scores stay in float32, whatever the policy.
        self.softmax = AdaptiveSoftmax(
            min_temp,
            max_temp,
            entropy_threshold=entropy_threshold,
            polynomial_coeffs=polynomial_coeffs,
            autocast=False,
            name="softmax",
            dtype=self.dtype_policy,
        )

    def _weights(self, query, key, mask):
        return attention_weights(query, key, mask=mask, softmax=self.softmax)
