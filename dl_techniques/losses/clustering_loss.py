import keras
from keras import ops

from dl_techniques._checks import check_min_rank, check_number, check_positive, check_same_shape
from dl_techniques._precision import at_least, at_least_float32
from dl_techniques._serialization import serializable

_TINY = 1e-37


@serializable
class ClusteringLoss(keras.losses.Loss):
    """Pulls soft assignments to their targets, and clusters to the same size.

    For layers that assign samples to clusters, such as `KMeansLayer`. The targets need no labels: `dec_target` makes
    them of the assignments. Without the second term, all samples in one cluster can be a good solution.

    Formula, for assignments `p_bk` of a batch and targets `t_bk`, with `K` clusters:
    `loss = distance_weight * mean_bk (p_bk - t_bk)^2 + distribution_weight * mean_k (mean_b p_bk - 1 / K)^2`

    One number for the batch; sample weights scale it as a whole. That of an empty batch is 0. A batch should be
    several times as large as the number of clusters, or it can hardly be balanced.

    Args:
        distance_weight: float > 0.
        distribution_weight: float > 0.
        reduction: see `keras.losses.Loss`; there is nothing to reduce.
        name: str.

    Input shape:
        `y_true`: targets, one-hot or soft, `(batch, ..., clusters)`. `y_pred`: assignments, of the same shape.

    Output shape:
        A scalar.

    Example:

    >>> loss = ClusteringLoss()
    >>> assignments = keras.ops.convert_to_tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]])
    >>> round(float(loss(dec_target(assignments), assignments)), 4)
    0.034

    References:
        Xie et al., "Unsupervised Deep Embedding for Clustering Analysis", arXiv:1511.06335, for the targets. Its loss
        is their Kullback-Leibler divergence.
    """

    def __init__(
        self,
        distance_weight: float = 1.0,
        distribution_weight: float = 0.5,
        *,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "clustering_loss",
        **kwargs,
    ):
        super().__init__(name=name, reduction=reduction, **kwargs)
        for check in (check_number, check_positive):
            check(distance_weight=distance_weight, distribution_weight=distribution_weight)
        self.distance_weight = distance_weight
        self.distribution_weight = distribution_weight

    def call(self, y_true, y_pred):
        assignments = at_least_float32(y_pred)
        targets = ops.cast(y_true, assignments.dtype)
        check_same_shape(targets, assignments)
        check_min_rank(assignments.shape, 2)
        clusters = assignments.shape[-1]
        samples = at_least(ops.cast(ops.size(assignments), assignments.dtype) / clusters, 1.0)
        distance = ops.sum(ops.square(assignments - targets)) / (samples * clusters)
        axes = tuple(range(len(assignments.shape) - 1))
        excess = ops.sum(assignments - 1 / clusters, axis=axes) / samples
        return self.distance_weight * distance + self.distribution_weight * ops.sum(ops.square(excess)) / clusters


def dec_target(assignments):
    """Target distribution of deep embedded clustering: the assignments, sharpened, with small clusters made larger.

    Formula, computed in float32 and cast back, for assignments `q_bk` with the frequencies `f_k = sum_b q_bk`:
    `t_bk = (q_bk^2 / f_k) / sum_j (q_bj^2 / f_j)`

    No gradient passes. In the paper the frequencies are those of the whole data set, and the targets are made anew now
    and then: `model.fit(x, dec_target(model.predict(x)))`. Those of a batch do where it is large.

    Args:
        assignments: tensor of soft assignments, `(samples, ..., clusters)`, rows that add up to one.

    Returns:
        Tensor like `assignments`; rows add up to one, but for rows of zeros, which stay zeros.

    Example:

    >>> target = dec_target(keras.ops.convert_to_tensor([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]))
    >>> print(keras.ops.convert_to_numpy(target).round(4))
    [[0.9759 0.0241]
     [0.8889 0.1111]
     [0.0841 0.9159]]

    References:
        Xie et al., "Unsupervised Deep Embedding for Clustering Analysis", arXiv:1511.06335, equation 3
    """
    assignments = ops.convert_to_tensor(assignments)
    check_min_rank(assignments.shape, 2)
    q = ops.stop_gradient(at_least_float32(assignments))
    frequencies = ops.sum(q, axis=tuple(range(len(q.shape) - 1)), keepdims=True)
    weights = q * (q / at_least(frequencies, _TINY))
    return ops.cast(weights / at_least(ops.sum(weights, axis=-1, keepdims=True), _TINY), assignments.dtype)
