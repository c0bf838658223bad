import math
from collections.abc import Sequence

import keras
from keras import ops

from dl_techniques._checks import (
    check_axis,
    check_choice,
    check_fraction,
    check_non_negative,
    check_non_negative_int,
    check_positive,
    check_positive_int,
    check_rate,
    normalize_axes,
)
from dl_techniques._precision import at_least, at_least_float32, product
from dl_techniques._serialization import serializable
from dl_techniques.initializers import OrthonormalInitializer
from dl_techniques.layers.clustering._points import middle_of, nearness, state_dtype, steps_to_means

_EPSILON = 1e-7


@serializable
class KMeansLayer(keras.layers.Layer):
    """Soft k-means: how much each sample belongs to each cluster, or the mixture of their centroids that is near it.

    For a bottleneck of clusters inside a network, or clusters of what a network has found. Unlike those of k-means,
    the assignments can be differentiated. A lower temperature makes them harder.

    Formula, computed in float32 and cast back, for the sample `x` and the centroids `c_k`:
    `a = softmax_k(-||x - c_k||^2 / temperature)`, `mixture = sum_k a_k c_k`.

    Each call in training then moves the centroids, by a moving average ("ema"), or the optimizer does ("gradient"):
    they are trainable weights then, and the arguments of the moving average do not count. Its formula:
    `target_k = sum_x a_k x / sum_x a_k`,
    `repulsion_k = repulsion_strength * sum_l max(0, 1 - D_kl / min_distance) / (D_kl + 1e-7) * (c_k - c_l)`,
    `m_k <- momentum * m_k + (1 - momentum) * (target_k - c_k + repulsion_k)`, `c_k <- c_k + centroid_lr * m_k`,
    with `D_kl = sqrt(||c_k - c_l||^2 + 1e-7)`. A cluster that no sample belongs to is its own target. Without momentum
    and repulsion, a `centroid_lr` of 1 makes it a step of soft k-means; for a low temperature, of Lloyd's algorithm.

    Needs memory for a few numbers for each pair of sample and cluster, and in training of two clusters.

    Args:
        n_clusters: int, number of clusters.
        temperature: float > 0, how soft the assignments are, as a squared distance.
        momentum: float in [0, 1), how much of its last step a centroid keeps.
        centroid_lr: float in (0, 1], how much of its step a centroid goes.
        repulsion_strength: float >= 0, how much near centroids push each other away.
        min_distance: float > 0, below which they do.
        output_mode: "assignments" or "mixture".
        cluster_axis: int or a list of them, the axes that the features of a sample lie along; all others count the
            samples. Over the steps of a sequence, those count too that Keras' padding mask hides; where the steps are
            samples, those do not move centroids.
        centroid_update: "ema" or "gradient".
        random_seed: int >= 0, or None. Centroids start orthonormal where they are fewer than the features, else
            normal with Glorot's variance.

    Input shape:
        Any; the cluster axes must have known sizes.

    Output shape:
        Of a mixture, that of the input. Of assignments, with an axis of size `n_clusters` in place of the first of
        the cluster axes, and without the others.

    Example:

    >>> layer = KMeansLayer(2, temperature=4.0)
    >>> layer.build((None, 1))
    >>> _ = layer.centroids.assign([[0.0], [4.0]])
    >>> print(keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor([[0.0], [1.5], [2.0]]))).round(4))
    [[0.982  0.018 ]
     [0.7311 0.2689]
     [0.5    0.5   ]]

    References:
        - MacKay, "Information Theory, Inference, and Learning Algorithms", chapter 20, 2003
        - Fard et al., "Deep k-Means: Jointly clustering with k-Means and learning representations", arXiv:1806.10069
    """

    def __init__(
        self,
        n_clusters: int,
        temperature: float = 0.1,
        *,
        momentum: float = 0.9,
        centroid_lr: float = 0.1,
        repulsion_strength: float = 0.1,
        min_distance: float = 1.0,
        output_mode: str = "assignments",
        cluster_axis: int | Sequence[int] = -1,
        centroid_update: str = "ema",
        random_seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_positive_int(n_clusters=n_clusters)
        check_positive(temperature=temperature, min_distance=min_distance)
        check_rate(momentum=momentum)
        check_fraction(centroid_lr=centroid_lr)
        check_non_negative(repulsion_strength=repulsion_strength)
        check_choice(("assignments", "mixture"), output_mode=output_mode)
        check_axis(cluster_axis, name="cluster_axis")
        check_choice(("ema", "gradient"), centroid_update=centroid_update)
        if random_seed is not None:
            check_non_negative_int(random_seed=random_seed)
        self.n_clusters = n_clusters
        self.temperature = temperature
        self.momentum = momentum
        self.centroid_lr = centroid_lr
        self.repulsion_strength = repulsion_strength
        self.min_distance = min_distance
        self.output_mode = output_mode
        self.cluster_axis = cluster_axis
        self.centroid_update = centroid_update
        self.random_seed = random_seed
        self.supports_masking = True

    def build(self, input_shape):
        self._axes = self._cluster_axes(input_shape)
        self._sizes = tuple(input_shape[axis] for axis in self._axes)
        shape = (self.n_clusters, math.prod(self._sizes))
        fewer = self.n_clusters < shape[1]
        initializer = OrthonormalInitializer if fewer else keras.initializers.GlorotNormal
        learned = self.centroid_update == "gradient"
        self.centroids = self.add_weight(
            name="centroids",
            shape=shape,
            initializer=initializer(seed=self.random_seed),
            dtype=None if learned else state_dtype(self),
            trainable=learned,
            autocast=False,
        )
        self.centroid_momentum = None
        if not learned:
            self.centroid_momentum = self.add_weight(
                name="centroid_momentum",
                shape=shape,
                initializer="zeros",
                dtype=state_dtype(self),
                trainable=False,
                autocast=False,
            )
        super().build(input_shape)

    def call(self, inputs, mask=None, training=None):
        features = tuple(range(-len(self._axes), 0))
        x = ops.moveaxis(at_least_float32(inputs), self._axes, features)
        samples = ops.shape(x)[: -len(features)]
        x = ops.reshape(x, (-1, math.prod(self._sizes)))

        centroids = at_least_float32(ops.convert_to_tensor(self.centroids))
        middle = middle_of(centroids)
        assignments = ops.softmax(nearness(x, centroids, middle) / self.temperature, axis=-1)
        if self.output_mode == "mixture":
            mixture = product(assignments, centroids - middle) + middle
            outputs = ops.moveaxis(ops.reshape(mixture, (*samples, *self._sizes)), features, self._axes)
        else:
            outputs = ops.moveaxis(ops.reshape(assignments, (*samples, self.n_clusters)), -1, self._axes[0])
        if training and self.trainable and self.centroid_update == "ema":
            x, assignments = _shown(ops.stop_gradient(x), ops.stop_gradient(assignments), self._mask(mask, samples))
            self._move(centroids, steps_to_means(x, assignments, centroids) + self._repulsion(centroids - middle))
        return ops.cast(outputs, inputs.dtype)

    def compute_output_shape(self, input_shape):
        axes = self._cluster_axes(input_shape)
        if self.output_mode == "mixture":
            return input_shape
        sizes = [self.n_clusters if axis == axes[0] else size for axis, size in enumerate(input_shape)]
        return tuple(size for axis, size in enumerate(sizes) if axis not in axes[1:])

    def compute_mask(self, inputs, mask=None):
        return mask if self.output_mode == "mixture" or self._counts_samples(mask) else None

    def _cluster_axes(self, input_shape):
        return normalize_axes(self.cluster_axis, input_shape, name="cluster_axis")

    def _counts_samples(self, mask) -> bool:
        """Whether none of its axes is one of the features'."""
        return mask is not None and len(mask.shape) <= self._axes[0]

    def _mask(self, mask, samples):
        """For the samples in one column; None where all are seen."""
        if not self._counts_samples(mask):
            return None
        more = (None,) * (len(samples) - len(mask.shape))
        return ops.reshape(ops.broadcast_to(ops.cast(mask, "bool")[(..., *more)], samples), (-1, 1))

    def _repulsion(self, centroids):
        if not self.repulsion_strength:
            return 0.0
        squares = ops.sum(ops.square(centroids), axis=-1)
        distance = squares[:, None] + squares - 2 * product(centroids, ops.transpose(centroids))
        distance = ops.sqrt(at_least(distance, 0.0) + _EPSILON)
        force = at_least(1 - distance / self.min_distance, 0.0) / (distance + _EPSILON)
        force = self.repulsion_strength * force * (1 - ops.eye(self.n_clusters, dtype=force.dtype))
        return ops.sum(force, axis=-1)[:, None] * centroids - product(force, centroids)

    def _move(self, centroids, step):
        last = at_least_float32(ops.convert_to_tensor(self.centroid_momentum))
        step = self.momentum * last + (1 - self.momentum) * step
        self.centroid_momentum.assign(step)
        self.centroids.assign(centroids + self.centroid_lr * step)


def _shown(x, assignments, mask):
    if mask is None:
        return x, assignments
    return ops.where(mask, x, 0.0), ops.where(mask, assignments, 0.0)
