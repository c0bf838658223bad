from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class ClusteringMetrics:
    """What `compute_clustering_metrics` found."""

    silhouette: float
    inertia: float
    cluster_sizes: np.ndarray
    cluster_distribution: np.ndarray
    mean_distance: float
