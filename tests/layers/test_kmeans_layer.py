import keras
import numpy as np
import pytest
from keras import ops
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.cluster import KMeans

from dl_techniques.layers import KMeansLayer
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, assert_same_function, output, values

CLUSTERS, FEATURES = 3, 4
X = values(12, FEATURES)
CENTROIDS = values(CLUSTERS, FEATURES, seed=1)
STILL = {"momentum": 0.0, "centroid_lr": 1.0, "repulsion_strength": 0.0}


def assignments(x, centroids, temperature=1.0):
    return softmax(-cdist(x, centroids, "sqeuclidean") / temperature, axis=1)


def repulsion(centroids, strength, distance):
    force = np.zeros_like(centroids)
    for k, one in enumerate(centroids):
        for other in np.delete(centroids, k, axis=0):
            apart = np.sqrt(np.sum((one - other) ** 2) + 1e-7)
            force[k] += strength * max(0.0, 1 - apart / distance) / (apart + 1e-7) * (one - other)
    return force


def m_step(x, centroids, temperature=1.0):
    """The means of the samples, weighted by their assignments."""
    shares = assignments(x, centroids, temperature)
    return np.stack([np.average(x, axis=0, weights=shares[:, k]) for k in range(len(centroids))])


def numbers(variable):
    return ops.convert_to_numpy(variable.value)


def built(shape=X.shape, centroids=CENTROIDS, **arguments):
    layer = KMeansLayer(**{"n_clusters": CLUSTERS, "temperature": 1.0, **arguments})
    layer.build((None, *shape[1:]))
    layer.centroids.assign(centroids)
    return layer


def train(layer, x=X, **options):
    return output(layer, x, training=True, **options)


def test_assignments_and_mixture():
    x, centroids = X.astype("float64"), CENTROIDS.astype("float64")
    expected = assignments(x, centroids, 2.0)
    assert_accurate(output(built(temperature=2.0), X), expected)
    assert_accurate(output(built(temperature=2.0, output_mode="mixture"), X), expected @ centroids)


@pytest.mark.parametrize("mode", ["assignments", "mixture"])
def test_gradients_to_the_inputs(mode):
    layer = KMeansLayer(CLUSTERS, 2.0, output_mode=mode, random_seed=1, trainable=False)

    def oracle(x):
        shares = assignments(x, numbers(layer.centroids).astype("float64"), 2.0)
        return shares @ numbers(layer.centroids) if mode == "mixture" else shares

    assert_same_function(layer, oracle, values(12, FEATURES))


@pytest.mark.parametrize("mode", ["assignments", "mixture"])
def test_gradients_to_the_centroids(mode):
    def oracle(x, centroids):
        shares = assignments(x, centroids, 2.0)
        return shares @ centroids if mode == "mixture" else shares

    layer = KMeansLayer(CLUSTERS, 2.0, output_mode=mode, centroid_update="gradient")
    assert_same_function(layer, oracle, values(12, FEATURES), ["centroids"])
    assert [weight.name for weight in layer.weights] == ["centroids"]
    before = numbers(layer.centroids).copy()
    train(layer)
    np.testing.assert_array_equal(numbers(layer.centroids), before)


def test_cold_assignments_are_those_of_the_nearest_centroid():
    expected = np.eye(CLUSTERS)[cdist(X, CENTROIDS).argmin(axis=1)]
    np.testing.assert_allclose(output(built(temperature=1e-4), X), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("axis", "first", "mode"),
    [
        (1, 1, "assignments"),
        (2, 2, "mixture"),
        ([-1, 2], 2, "assignments"),
        ((1, 3), 1, "assignments"),
        ((1, 3), 1, "mixture"),
        ([3, 1, 2], 1, "mixture"),
    ],
    ids=str,
)
def test_any_axes(axis, first, mode):
    """As of the last axis, with the features moved there and back."""
    x = values(2, 3, 4, 2)
    axes = np.sort(np.atleast_1d(axis) % 4)
    moved = np.moveaxis(x, axes, np.arange(-len(axes), 0))
    samples, sizes = moved.shape[: 4 - len(axes)], moved.shape[4 - len(axes) :]
    rows = moved.reshape(-1, np.prod(sizes))
    centroids = values(CLUSTERS, rows.shape[1], seed=1)
    expected = assignments(rows, centroids)
    if mode == "mixture":
        expected = np.moveaxis((expected @ centroids).reshape(*samples, *sizes), np.arange(-len(axes), 0), axes)
    else:
        expected = np.moveaxis(expected.reshape(*samples, CLUSTERS), -1, first)
    layer = built(x.shape, centroids, cluster_axis=axis, output_mode=mode)
    found = output(layer, x)
    assert_accurate(found, expected)
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *expected.shape[1:])
    if mode == "assignments":
        np.testing.assert_allclose(found.sum(axis=first), 1, rtol=1e-6)

    x, targets = rows.astype("float64"), centroids.astype("float64")
    train(layer, values(2, 3, 4, 2))
    step = 0.1 * 0.1 * (m_step(x, targets) - targets + repulsion(targets, 0.1, 1.0))
    assert_accurate(numbers(layer.centroids), targets + step)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_step_of_soft_k_means(temperature):
    layer = built(temperature=temperature, **STILL)
    found = train(layer)
    assert_accurate(found, assignments(X.astype("float64"), CENTROIDS, temperature))
    assert_accurate(numbers(layer.centroids), m_step(X.astype("float64"), CENTROIDS, temperature))


@pytest.mark.filterwarnings("ignore:Number of distinct clusters", "ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_step_of_lloyd():
    layer = built(temperature=1e-4, centroids=X[:CLUSTERS], **STILL)
    train(layer)
    expected = KMeans(CLUSTERS, init=X[:CLUSTERS], n_init=1, max_iter=1).fit(X).cluster_centers_
    np.testing.assert_allclose(numbers(layer.centroids), expected, rtol=1e-5, atol=1e-6)


def test_momentum_and_repulsion():
    layer = built(momentum=0.6, centroid_lr=0.3, repulsion_strength=0.8, min_distance=4.0)
    centroids, momentum = CENTROIDS.astype("float64"), 0.0
    for seed in range(3):
        x = values(12, FEATURES, seed=seed)
        train(layer, x)
        step = m_step(x.astype("float64"), centroids) - centroids + repulsion(centroids, 0.8, 4.0)
        momentum = 0.6 * momentum + 0.4 * step
        centroids = centroids + 0.3 * momentum
    assert_accurate(numbers(layer.centroids), centroids, units=16)
    assert_accurate(numbers(layer.centroid_momentum), momentum, units=32)
    assert layer.trainable_weights == []


def test_outputs_are_of_the_centroids_before_the_call():
    for mode in ("assignments", "mixture"):
        layer = built(output_mode=mode)
        before = output(layer, X)
        np.testing.assert_array_equal(train(layer), before)
        assert np.any(output(layer, X) != before)


def test_inference_and_frozen_layers_move_nothing():
    layer, frozen = built(), built(trainable=False)
    output(layer, X)
    train(frozen)
    for still in (layer, frozen):
        np.testing.assert_array_equal(numbers(still.centroids), CENTROIDS)
        assert not numbers(still.centroid_momentum).any()


def test_the_optimizer_moves_centroids_by_gradients():
    layer = KMeansLayer(CLUSTERS, 1.0, output_mode="mixture", centroid_update="gradient", random_seed=1)
    model = keras.Sequential([keras.Input((FEATURES,)), layer])
    model.compile(keras.optimizers.SGD(0.5), loss="mean_squared_error")
    before = model.evaluate(X, X, verbose=0)
    model.fit(X, X, batch_size=12, epochs=5, verbose=0)
    assert model.evaluate(X, X, verbose=0) < 0.9 * before


def test_fit_and_saving(tmp_path):
    layer = KMeansLayer(CLUSTERS, 1.0, output_mode="mixture", random_seed=1)
    model = keras.Sequential([keras.Input((FEATURES,)), layer, keras.layers.Dense(FEATURES)])
    model.compile(keras.optimizers.SGD(), loss="mean_squared_error")
    alone = built(output_mode="mixture", centroids=numbers(layer.centroids).copy())
    model.fit(X, X, batch_size=4, shuffle=False, verbose=0)
    for x in np.split(X, 3):
        train(alone, x)
    assert_accurate(numbers(layer.centroids), numbers(alone.centroids))
    model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").layers[0]
    for one in (layer, loaded):
        train(one)
    np.testing.assert_array_equal(numbers(loaded.centroids), numbers(layer.centroids))


def test_padding_moves_no_centroids():
    x = values(2, 6, FEATURES)
    shown = np.arange(6) < [[6], [2]]
    x[~shown] = np.nan
    layer, alone = built(x.shape, temperature=2.0), built(temperature=2.0)
    train(layer, x, mask=ops.convert_to_tensor(shown))
    train(alone, x[shown])
    assert_accurate(numbers(layer.centroids), numbers(alone.centroids))


def test_a_mask_goes_on_where_its_axes_do():
    mask = ops.ones((2, 6), dtype="bool")
    for axis, mode, goes_on in [(-1, "assignments", True), (1, "assignments", False), (1, "mixture", True)]:
        layer = KMeansLayer(CLUSTERS, cluster_axis=axis, output_mode=mode)
        layer.build((2, 6, FEATURES))
        assert (layer.compute_mask(None, mask) is mask) == goes_on
        assert layer.compute_mask(None, None) is None
    x = values(2, 6, FEATURES)
    layer, unmasked = (built(x.shape, values(CLUSTERS, 6), cluster_axis=1) for _ in range(2))
    train(layer, x, mask=ops.zeros((2, 6), dtype="bool"))
    train(unmasked, x)
    np.testing.assert_array_equal(numbers(layer.centroids), numbers(unmasked.centroids))


@pytest.mark.parametrize(("update", "mode"), [("ema", "mixture"), ("gradient", "assignments")])
@pytest.mark.parametrize(
    ("x", "centroids"),
    [
        (X[:0], CENTROIDS),
        (np.full_like(X, 1.5), CENTROIDS),
        (np.full_like(X, 1.5), np.full_like(CENTROIDS, 1.5)),
        (1e30 * X, CENTROIDS),
    ],
    ids=["no samples", "equal samples", "coincident centroids", "huge samples"],
)
def test_everything_stays_finite(x, centroids, update, mode):
    layer = built(centroids=centroids, centroid_update=update, output_mode=mode)
    y = output(layer, x)
    assert y.shape == (len(x), FEATURES if mode == "mixture" else CLUSTERS)
    outputs, gradients = value_and_gradients(layer, [x], [np.ones(y.shape, "float32")], training=True, jit=False)
    for value in (*outputs, *gradients, *(weight.value for weight in layer.weights)):
        assert np.isfinite(ops.convert_to_numpy(value)).all()


def test_a_cluster_without_samples_stays():
    centroids = CENTROIDS.copy()
    centroids[1] += 30
    layer = built(centroids=centroids, **STILL)
    train(layer)
    np.testing.assert_array_equal(numbers(layer.centroids)[1], centroids[1])
    expected = m_step(X.astype("float64"), centroids[[0, 2]].astype("float64"))
    np.testing.assert_allclose(numbers(layer.centroids)[[0, 2]], expected, rtol=1e-3, atol=1e-4)


def test_a_cluster_with_little_of_each_sample_moves_all_the_way():
    centroids = CENTROIDS.copy()
    centroids[1] += 3
    layer = built(centroids=centroids, **STILL)
    shares = assignments(X.astype("float64"), centroids)[:, 1]
    assert shares.sum() < 1e-8
    train(layer)
    np.testing.assert_allclose(numbers(layer.centroids)[1], np.average(X, axis=0, weights=shares), rtol=1e-4)


def test_data_far_from_zero():
    x, centroids = X + 1000, CENTROIDS + 1000
    layer = built(centroids=centroids, **STILL)
    np.testing.assert_allclose(output(layer, x), assignments(x.astype("float64"), centroids), atol=1e-3)
    train(layer, x)
    np.testing.assert_allclose(numbers(layer.centroids), m_step(x.astype("float64"), centroids), rtol=1e-6)


def test_initial_centroids():
    few, many = (KMeansLayer(n, random_seed=1) for n in (4, 5))
    for layer in (few, many):
        layer.build((None, 5))
    rows = numbers(few.centroids)
    np.testing.assert_allclose(rows @ rows.T, np.eye(4), atol=1e-6)
    expected = keras.initializers.GlorotNormal(seed=1)((5, 5))
    np.testing.assert_array_equal(numbers(many.centroids), ops.convert_to_numpy(expected))


@pytest.mark.parametrize("update", ["ema", "gradient"])
def test_dtypes(update):
    layer = KMeansLayer(CLUSTERS, centroid_update=update, dtype="bfloat16")
    assert keras.backend.standardize_dtype(layer(ops.cast(X, "bfloat16"), training=True).dtype) == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32" if update == "ema" else "bfloat16"}


def test_unknown_sizes_of_features():
    with pytest.raises(ValueError, match=r"`cluster_axis` must have a known size. Received: cluster_axis=\[1, 2\]"):
        KMeansLayer(CLUSTERS, cluster_axis=[1, 2]).build((None, None, 4))
    layer = KMeansLayer(CLUSTERS)
    assert layer(keras.Input((None, None, 4))).shape == (None, None, None, CLUSTERS)
