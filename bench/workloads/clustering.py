"""Which points samples are near to, beside scikit-learn's functions for it."""

from collections.abc import Callable

import numpy as np

from bench.workloads.workload import Shape, Size, Workload
from dl_techniques import layers

SAMPLES = {
    "small": {"samples": 1024, "features": 16, "points": 16},
    "medium": {"samples": 8192, "features": 64, "points": 64},
    "large": {"samples": 65536, "features": 128, "points": 256},
    "gpu": {"samples": 2**20, "features": 128, "points": 256},
}


def samples(size: Size) -> list[Shape]:
    return [(size["samples"], size["features"])]


def distance_flops(size: Size) -> float:
    return 2.0 * size["samples"] * size["features"] * size["points"]


def points(size: Size) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((size["points"], size["features"]), "float32")


def scikit_learn_kmeans(size: Size) -> Callable:
    from sklearn.cluster import KMeans

    return KMeans(size["points"], init=points(size), n_init=1, max_iter=1).fit(points(size)).predict


def scikit_learn_rbf_kernel(size: Size) -> Callable:
    from sklearn.metrics.pairwise import rbf_kernel

    centers = points(size)
    return lambda x: rbf_kernel(x, centers, 1.0)


def _near(name: str, layer, **fields) -> Workload:
    return Workload(name, "clustering", layer, samples, SAMPLES, distance_flops, **fields)


WORKLOADS = (
    _near("kmeans_layer", lambda size: layers.KMeansLayer(size["points"]), native="scikit_learn_kmeans"),
    _near(
        "rbf_layer",
        lambda size: layers.RBFLayer(size["points"], repulsion_strength=0.0),
        native="scikit_learn_rbf_kernel",
    ),
    _near("scikit_learn_kmeans", scikit_learn_kmeans, outside=True),
    _near("scikit_learn_rbf_kernel", scikit_learn_rbf_kernel, outside=True),
)
