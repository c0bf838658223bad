import keras
import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score

from dl_techniques.losses import F1Loss, GeometricMeanLoss, WeightedCrossEntropyWithAnyLoss
from tests.oracles.any_loss import P, Y, assert_same_loss, cross_entropy, soft_loss, value, value_and_gradient

LOGITS = np.log(P / (1 - P))


def oracle(y, p):
    return 0.25 * soft_loss(f1_score, y, p, 6.0) + 0.75 * cross_entropy(y, p)


def test_oracle():
    assert_same_loss(WeightedCrossEntropyWithAnyLoss(F1Loss(6.0), 0.25), oracle)


def test_oracle_of_logits():
    loss = WeightedCrossEntropyWithAnyLoss(F1Loss(6.0, from_logits=True), 0.25)
    assert_same_loss(loss, lambda y, x: oracle(y, expit(x)), p=LOGITS)


@pytest.mark.parametrize("from_logits", [False, True])
def test_the_ends_of_alpha_are_its_parts(from_logits):
    anyloss = GeometricMeanLoss(6.0, from_logits)
    predictions = LOGITS if from_logits else P
    only_cross_entropy, only_any_loss = (WeightedCrossEntropyWithAnyLoss(anyloss, alpha) for alpha in (0.0, 1.0))
    keras_own = keras.losses.BinaryCrossentropy(from_logits=from_logits)
    np.testing.assert_allclose(value(only_cross_entropy, Y, predictions), value(keras_own, Y, predictions), rtol=1e-6)
    np.testing.assert_allclose(value(only_any_loss, Y, predictions), value(anyloss, Y, predictions), rtol=1e-6)


def test_cross_entropy_pulls_where_the_model_is_sure_and_wrong():
    x = np.where(Y == 1, -30, 30).astype("float32")
    wrong = np.float32(-1) / len(Y) * (2 * Y - 1)
    for alpha, expected in ((1.0, 0 * Y), (0.0, wrong)):
        loss = WeightedCrossEntropyWithAnyLoss(F1Loss(from_logits=True), alpha)
        np.testing.assert_allclose(value_and_gradient(loss, Y, x)[1], expected, rtol=1e-5, atol=1e-9)


def test_sure_probabilities_cost_at_most_the_logarithm_of_epsilon():
    loss = WeightedCrossEntropyWithAnyLoss(F1Loss(), 0.0)
    found, gradient = value_and_gradient(loss, Y, 1 - Y)
    np.testing.assert_allclose(found, -np.log(1e-7), rtol=0.01)
    np.testing.assert_array_equal(gradient, 0)
    np.testing.assert_allclose(value(loss, Y, Y), 0, atol=2e-7)


def test_targets_out_of_range_count_as_the_nearest():
    loss = WeightedCrossEntropyWithAnyLoss(F1Loss())
    np.testing.assert_allclose(value(loss, 255 * Y - 1, P), value(loss, Y, P), rtol=1e-6)


def test_labels_must_have_the_shape_of_predictions():
    with pytest.raises(ValueError, match=r"Received: y_true shape=\(12,\), y_pred shape=\(12, 1\)"):
        value(WeightedCrossEntropyWithAnyLoss(F1Loss()), Y, P[:, None])


def test_an_empty_batch_has_no_cross_entropy():
    nothing = np.zeros(0, "float32")
    assert value(WeightedCrossEntropyWithAnyLoss(F1Loss(), 0.0), nothing, nothing) == 0


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"`anyloss` must be an instance of AnyLoss. Received: anyloss=<class"):
        WeightedCrossEntropyWithAnyLoss(F1Loss)
    with pytest.raises(ValueError, match=r"`alpha` must be a number in \[0, 1\]. Received: alpha=1.5"):
        WeightedCrossEntropyWithAnyLoss(F1Loss(), 1.5)


def test_the_any_loss_is_saved_with_it():
    loss = WeightedCrossEntropyWithAnyLoss(GeometricMeanLoss(6.0, from_logits=True), 0.25)
    loaded = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(loaded.anyloss) is GeometricMeanLoss
    assert (loaded.anyloss.amplifying_scale, loaded.anyloss.from_logits, loaded.alpha) == (6.0, True, 0.25)
