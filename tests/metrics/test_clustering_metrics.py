import dataclasses

import numpy as np
import pytest
from keras import ops
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from dl_techniques.metrics import clustering_metrics, compute_clustering_metrics

RNG = np.random.default_rng(0)
CENTRES = np.array([[0, 0, 0], [4, 0, 0], [0, 5, 0], [9, 9, 9]])
DATA = np.concatenate([centre + RNG.standard_normal((25, 3)) for centre in CENTRES]).astype("float32")


def soft(centres, data=DATA):
    return softmax(-np.sum((data[:, None] - centres) ** 2, axis=-1), axis=-1)


def test_against_scikit_learn(monkeypatch):
    # In parts, the last of which is smaller.
    monkeypatch.setattr(clustering_metrics, "_CHUNK", 7 * len(DATA))
    means = KMeans(4, init=CENTRES, n_init=1).fit(DATA.astype("float64"))
    # A cluster without samples among them.
    centres = np.insert(means.cluster_centers_, 2, 1e3, axis=0)
    found = compute_clustering_metrics(ops.convert_to_tensor(DATA), ops.convert_to_tensor(soft(centres)))
    assert found.silhouette == pytest.approx(silhouette_score(DATA.astype("float64"), means.labels_), rel=1e-9)
    assert found.inertia == pytest.approx(means.inertia_, rel=1e-9)
    sizes = np.insert(np.bincount(means.labels_), 2, 0)
    np.testing.assert_array_equal(found.cluster_sizes, sizes)
    np.testing.assert_array_equal(found.cluster_distribution, sizes / 100)
    distances = means.transform(DATA.astype("float64")).min(axis=1)
    assert found.mean_distance == pytest.approx(distances.mean(), rel=1e-9)


def test_samples_that_are_alone_and_clusters_that_are_bad():
    labels = RNG.integers(0, 3, len(DATA))
    labels[labels == 2] = 0
    labels[17] = 2
    found = compute_clustering_metrics(DATA, np.eye(3)[labels])
    assert found.silhouette == pytest.approx(silhouette_score(DATA, labels), rel=1e-5)
    assert found.silhouette < 0.1


def test_samples_far_from_the_origin():
    labels = np.repeat(range(4), 25)
    far = DATA.astype("float64") + 1e6
    found = compute_clustering_metrics(far, np.eye(4)[labels])
    assert found.silhouette == pytest.approx(silhouette_score(DATA.astype("float64"), labels), rel=1e-6)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_the_silhouette_of_one_cluster_or_of_single_samples_is_undefined(labels):
    assert compute_clustering_metrics(DATA[:3], np.eye(3)[labels]).silhouette == -1


def test_samples_that_coincide():
    found = compute_clustering_metrics(np.ones((4, 2)), np.eye(2)[[0, 0, 1, 1]])
    assert (found.silhouette, found.inertia, found.mean_distance) == (0, 0, 0)
    corners = np.repeat(np.float64([[0, 0], [3, 4]]), 2, axis=0)
    assert compute_clustering_metrics(corners, np.eye(2)[[0, 0, 1, 1]]).silhouette == pytest.approx(1)


def test_no_samples():
    found = compute_clustering_metrics(np.ones((0, 3)), np.ones((0, 2)))
    assert (found.silhouette, found.inertia, found.mean_distance) == (-1, 0, 0)
    np.testing.assert_array_equal(found.cluster_sizes, [0, 0])
    np.testing.assert_array_equal(found.cluster_distribution, [0, 0])


def test_nan_is_not_hidden():
    data = DATA.copy()
    data[3, 1] = np.nan
    found = compute_clustering_metrics(data, soft(CENTRES))
    assert np.isnan([found.silhouette, found.inertia, found.mean_distance]).all()


def test_the_result_is_frozen():
    found = compute_clustering_metrics(DATA[:3], np.ones((3, 1)))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.silhouette = 1.0


@pytest.mark.parametrize(("data", "assignments"), [((4,), (4, 2)), ((4, 2), (4,)), ((4, 2), (3, 2)), ((4, 2), (4, 0))])
def test_shapes_that_do_not_match(data, assignments):
    with pytest.raises(ValueError, match=r"of the same samples\. Received: data shape=") as caught:
        compute_clustering_metrics(np.ones(data), np.ones(assignments))
    assert f"data shape={data}, assignments shape={assignments}" in str(caught.value)
