import numpy as np
from keras import ops

from dl_techniques.metrics._clustering_metrics import ClusteringMetrics

# How many distances are held at a time.
_CHUNK = 2**20


def compute_clustering_metrics(data, assignments) -> ClusteringMetrics:
    """How well samples are clustered, without labels to compare with.

    For arrays after training, computed in float64 by NumPy. A sample belongs to the cluster of its largest assignment,
    and the centre of a cluster is the mean of its samples.

    Formula of the silhouette: the mean of `(b - a) / max(a, b)`, with the mean distance `a` of a sample to the others
    of its cluster, and the mean distance `b` to the samples of the nearest other cluster; 0 where a sample is alone in
    its cluster. Its time grows with the square of the number of samples, its memory does not.

    Args:
        data: array `(samples, features)`.
        assignments: array `(samples, clusters)`, soft or one-hot.

    Returns:
        A frozen dataclass:

        - `silhouette`: float from -1 to 1; -1 where it is undefined, with one cluster, or as many as samples.
        - `inertia`: float, the sum of squared distances of the samples to their centres.
        - `cluster_sizes`: array of int, how many samples each cluster has.
        - `cluster_distribution`: array of float, the same as fractions of all samples.
        - `mean_distance`: float, the mean distance of the samples to their centres.

    Example:

    >>> data = [[0.0], [1.0], [9.0], [10.0]]
    >>> metrics = compute_clustering_metrics(data, [[0.8, 0.2], [0.9, 0.1], [0.4, 0.6], [0.0, 1.0]])
    >>> round(metrics.silhouette, 4), metrics.inertia, metrics.cluster_sizes.tolist(), metrics.mean_distance
    (0.8885, 1.0, [2, 2], 0.5)

    References:
        Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis",
        doi:10.1016/0377-0427(87)90125-7
    """
    data, assignments = (ops.convert_to_numpy(x).astype("float64") for x in (data, assignments))
    if data.ndim != 2 or assignments.ndim != 2 or len(data) != len(assignments) or not assignments.shape[1]:
        raise ValueError(
            "`data` must be (samples, features), and `assignments` (samples, clusters) of the same samples. "
            f"Received: data shape={data.shape}, assignments shape={assignments.shape}"
        )
    labels = assignments.argmax(axis=1)
    sizes = np.bincount(labels, minlength=assignments.shape[1])
    members = np.eye(len(sizes))[labels]
    centres = members.T @ data / np.maximum(sizes, 1)[:, None]
    squares = np.sum((data - centres[labels]) ** 2, axis=1)
    samples = max(len(data), 1)
    return ClusteringMetrics(
        silhouette=_silhouette(data, labels, sizes, members),
        inertia=float(squares.sum()),
        cluster_sizes=sizes,
        cluster_distribution=sizes / samples,
        mean_distance=float(np.sqrt(squares).sum() / samples),
    )


def _silhouette(data: np.ndarray, labels: np.ndarray, sizes: np.ndarray, members: np.ndarray) -> float:
    samples = len(data)
    if not 2 <= np.count_nonzero(sizes) < samples:
        return -1.0
    # Squares of small numbers are more exact.
    data = data - data.mean(axis=0)
    squares = np.sum(data**2, axis=1)
    rows = max(_CHUNK // samples, 1)
    total = 0.0
    for start in range(0, samples, rows):
        part = slice(start, start + rows)
        distances = squares[part, None] - 2 * data[part] @ data.T + squares
        distances = np.sqrt(np.maximum(distances, 0))
        place = np.arange(len(distances))
        distances[place, start + place] = 0
        sums = distances @ members
        others = sizes[labels[part]] - 1
        inner = sums[place, labels[part]] / np.maximum(others, 1)
        means = np.where(sizes > 0, sums / np.maximum(sizes, 1), np.inf)
        means[place, labels[part]] = np.inf
        outer = means.min(axis=1)
        larger = np.maximum(inner, outer)
        defined = (others > 0) & (larger != 0)
        total += np.divide(outer - inner, larger, out=np.zeros_like(larger), where=defined).sum()
    return float(total / samples)
