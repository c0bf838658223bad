import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import softmax

from dl_techniques.losses import ClusteringLoss, dec_target
from tests._frameworks import value_and_gradients
from tests.oracles.compare import assert_accurate, assert_same_function, values

SOFT = softmax(2 * values(6, 3), axis=-1)
BALANCED = np.eye(3, dtype="float32")[[0, 1, 2, 2, 0, 1]]


def clustering(p, t, distance_weight, distribution_weight):
    clusters = p.shape[-1]
    shares = p.reshape(-1, clusters).mean(axis=0)
    return distance_weight * np.mean((p - t) ** 2) + distribution_weight * np.mean((shares - 1 / clusters) ** 2)


def target_distribution(q):
    """Xie et al., arXiv:1511.06335, equation 3."""
    weight = q**2 / q.sum(axis=0)
    return (weight.T / weight.sum(axis=1)).T


def found(y_true, y_pred, *arguments, **options):
    return ops.convert_to_numpy(ClusteringLoss(*arguments)(y_true, y_pred, **options))


def test_formula():
    exact = SOFT.astype("float64")
    assert_accurate(found(BALANCED, SOFT), clustering(exact, BALANCED, 1.0, 0.5))
    assert_accurate(found(BALANCED, SOFT, 0.25, 3.0, sample_weight=2.0), 2 * clustering(exact, BALANCED, 0.25, 3.0))
    images = [x.reshape(2, 3, 3) for x in (BALANCED, SOFT)]
    assert_accurate(found(*images), clustering(exact, BALANCED, 1.0, 0.5))


def test_gradient():
    layer = keras.layers.Lambda(lambda p: ClusteringLoss(0.25, 3.0).call(ops.convert_to_tensor(BALANCED), p))
    assert_same_function(layer, lambda p: clustering(p, BALANCED, 0.25, 3.0), SOFT)


def test_known_values():
    assert found(BALANCED, BALANCED) == pytest.approx(0, abs=1e-14)
    # Equal assignments are balanced: what remains is their distance.
    equal = np.full((6, 3), 1 / 3, "float32")
    assert found(BALANCED, equal, 1.0, 1e6) == pytest.approx(2 / 9, rel=1e-6)
    # All samples in one cluster are far from balanced.
    one = np.eye(3, dtype="float32")[[0] * 6]
    assert found(one, one, 1.0, 0.5) == pytest.approx(0.5 * (4 / 9 + 1 / 9 + 1 / 9) / 3, rel=1e-6)
    right, wrong = 0.8 * BALANCED + 0.2 / 3, 0.8 * BALANCED[::-1] + 0.2 / 3
    assert found(BALANCED, right) < found(BALANCED, equal) < found(BALANCED, wrong)


def test_an_empty_batch_costs_nothing():
    assert found(BALANCED[:0], SOFT[:0]) == 0


def test_target_distribution():
    target = ops.convert_to_numpy(dec_target(SOFT))
    assert_accurate(target, target_distribution(SOFT.astype("float64")))
    np.testing.assert_allclose(target.sum(axis=-1), 1, rtol=1e-6)
    # Sharper than the assignments; what is certain or undecided stays as it is.
    assert np.all(np.max(target_distribution(SOFT), axis=-1) >= np.max(SOFT, axis=-1) - 0.05)
    np.testing.assert_array_equal(ops.convert_to_numpy(dec_target(BALANCED)), BALANCED)
    np.testing.assert_allclose(ops.convert_to_numpy(dec_target(np.full_like(SOFT, 1 / 3))), 1 / 3, rtol=1e-6)


def test_target_distribution_of_several_axes_and_of_half_precision():
    images = ops.convert_to_numpy(dec_target(SOFT.reshape(2, 3, 3)))
    assert_accurate(images.reshape(6, 3), target_distribution(SOFT.astype("float64")))
    half = dec_target(ops.cast(SOFT, "float16"))
    assert keras.backend.standardize_dtype(half.dtype) == "float16"
    np.testing.assert_allclose(ops.convert_to_numpy(half), images.reshape(6, 3), atol=2e-3)


def test_target_distribution_without_assignments():
    """To a cluster, or of a sample; and of assignments whose squares are too small for float32."""
    q, small = np.zeros((2, 6, 3), "float32")
    q[:2, :2] = [[0.5, 0.5], [1.0, 0.0]]
    weight = np.float32([0.25 / 1.5, 0.25 / 0.5])
    expected = [[*(weight / weight.sum()), 0], [1, 0, 0], *4 * [[0, 0, 0]]]
    np.testing.assert_allclose(ops.convert_to_numpy(dec_target(q)), expected, rtol=1e-6)
    small[:2, :2] = [[1e-25, 2e-25], [1e-25, 1e-25]]
    expected = target_distribution(small[:2, :2].astype("float64"))
    np.testing.assert_allclose(ops.convert_to_numpy(dec_target(small))[:2, :2], expected, rtol=1e-6)


def test_no_gradient_passes_through_the_target():
    layer = keras.layers.Lambda(dec_target)
    _, (gradient,) = value_and_gradients(layer, [SOFT], [values(6, 3)], training=True, jit=False)
    assert gradient is None or not np.any(ops.convert_to_numpy(gradient))
