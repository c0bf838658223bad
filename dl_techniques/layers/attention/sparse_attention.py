from numbers import Real

import keras
from keras import ops

from dl_techniques._checks import check_positive_int
from dl_techniques._precision import at_least_float32
from dl_techniques._serialization import serializable
from dl_techniques.constraints.value_range_constraint import ValueRangeConstraint
from dl_techniques.layers.attention._core import attention_weights
from dl_techniques.layers.attention._projected_attention import ProjectedAttention

# So that a weight that should equal the threshold is not lost to rounding.
_SLACK = 1 - 1e-6
# How far from the threshold a weight may be for the threshold to learn from it.
_WIDTH = 0.01


@serializable
class SparseAttention(ProjectedAttention):
    """Multi-head attention that gives nothing to keys of small weight, and their share to the others.

    Formula, for each query and head: `p = softmax(q k^T / sqrt(key_dim))`, of which a cut at `c` keeps
    `p_j [p_j >= c] / sum_i p_i [p_i >= c]`. With `iterative_sparsification` there is one cut after another, at
    `1 / (n alpha^t)` for `t = 0, 1, ...` and `n` keys that the query may look at; where it would leave none, the
    largest weight remains. Otherwise there is one cut, at the threshold; where it would leave none, all remain.

    Args:
        num_heads: int, number of heads.
        key_dim: int, size of each head's queries and keys.
        value_dim: int, size of each head's values. `None` means `key_dim`.
        dropout_rate: float in [0, 1), dropout of the attention weights that are left.
        use_bias: bool, whether the four projections have biases.
        kernel_initializer: initializer of the projections.
        bias_initializer: initializer of their biases.
        kernel_regularizer: regularizer of the projections.
        bias_regularizer: regularizer of their biases.
        kernel_constraint: constraint on the projections, or None.
        bias_constraint: constraint on their biases, or None.
        threshold: float in (0, 1), or "auto" for `1 / n`; only without `iterative_sparsification`.
        learnable_threshold: bool, whether the threshold is trained, from `threshold` on. Its gradient is that of
            `sigmoid((p - threshold) / 0.01)` in place of the cut.
        per_head_thresholds: bool, whether each head has its own learnable threshold.
        iterative_sparsification: bool, whether to cut `max_iterations` times instead of at the threshold.
        alpha: float in (0, 1), how the iterative cuts rise.
        max_iterations: int, number of iterative cuts.
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

    >>> layer = SparseAttention(num_heads=1, key_dim=8)
    >>> _, weights = layer(keras.random.normal((1, 50, 16)), return_attention_scores=True)
    >>> bool(keras.ops.mean(weights > 0) < 0.5)
    True
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
        threshold: float | str = 0.1,
        learnable_threshold: bool = False,
        per_head_thresholds: bool = False,
        iterative_sparsification: bool = True,
        alpha: float = 0.6,
        max_iterations: int = 3,
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
        if threshold != "auto":
            _check_inside_unit_interval(threshold=threshold)
        if learnable_threshold and (iterative_sparsification or threshold == "auto"):
            raise ValueError(
                "`learnable_threshold` needs a number as `threshold`, and no `iterative_sparsification`. "
                f"Received: threshold={threshold!r}, iterative_sparsification={iterative_sparsification}"
            )
        if per_head_thresholds and not learnable_threshold:
            raise ValueError(
                "`per_head_thresholds` needs `learnable_threshold`. "
                f"Received: learnable_threshold={learnable_threshold}"
            )
        _check_inside_unit_interval(alpha=alpha)
        check_positive_int(max_iterations=max_iterations)
        self.threshold = threshold
        self.learnable_threshold = learnable_threshold
        self.per_head_thresholds = per_head_thresholds
        self.iterative_sparsification = iterative_sparsification
        self.alpha = alpha
        self.max_iterations = max_iterations
        self.learned_threshold = None

    def build(self, input_shape):
        super().build(input_shape)
        if self.learnable_threshold:
            self.learned_threshold = self.add_weight(
                name="threshold",
                shape=(self.num_heads if self.per_head_thresholds else 1, 1, 1),
                initializer=keras.initializers.Constant(self.threshold),
                constraint=ValueRangeConstraint(0.0, 0.9999),
                autocast=False,
            )

    def _weights(self, query, key, mask):
        weights = attention_weights(query, key, mask=mask)
        if self.iterative_sparsification:
            return cut_repeatedly(weights, _number_of_keys(weights, mask), self.alpha, self.max_iterations)
        if self.learned_threshold is not None:
            threshold = at_least_float32(self.learned_threshold)
            return cut(weights, threshold, ops.sigmoid((weights - threshold) / _WIDTH))
        return cut(weights, 1 / _number_of_keys(weights, mask) if self.threshold == "auto" else self.threshold)


def cut(weights, threshold, slope=None):
    """Keeps what reaches the threshold; all of a row that has nothing there. `slope` stands for it in gradients."""
    keep = weights >= threshold * _SLACK
    gate = ops.cast(keep, weights.dtype)
    if slope is not None:
        gate = gate + (slope - ops.stop_gradient(slope))
    return ops.where(ops.any(keep, axis=-1, keepdims=True), _normalized(weights * gate), weights)


def cut_repeatedly(weights, number_of_keys, alpha: float, times: int):
    """Keeps what reaches thresholds that rise; the largest weight of a row that has nothing there."""
    columns = ops.arange(ops.shape(weights)[-1], dtype="int32")
    largest = columns == ops.cast(ops.argmax(weights, axis=-1), "int32")[..., None]
    for step in range(times):
        keep = weights >= _SLACK / (number_of_keys * alpha**step)
        is_empty = ops.logical_not(ops.any(keep, axis=-1, keepdims=True))
        keep = ops.logical_or(keep, ops.logical_and(largest, is_empty))
        weights = _normalized(ops.where(keep, weights, ops.zeros_like(weights)))
    return weights


def _normalized(weights):
    """Rows of sum 1, and of zeros where there are only zeros."""
    total = ops.sum(weights, axis=-1, keepdims=True)
    return weights / ops.where(total > 0, total, ops.ones_like(total))


def _number_of_keys(weights, mask):
    """How many keys each query may look at; 1 for those that may look at nothing."""
    if mask is None:
        return ops.cast(ops.shape(weights)[-1], weights.dtype)
    return ops.maximum(ops.sum(ops.cast(mask, weights.dtype), axis=-1, keepdims=True), 1.0)


def _check_inside_unit_interval(**values) -> None:
    for name, value in values.items():
        if not isinstance(value, Real) or not 0 < float(value) < 1:
            raise ValueError(f"`{name}` must be a number in (0, 1). Received: {name}={value!r}")
