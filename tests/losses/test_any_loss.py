import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import expit
from sklearn import metrics

from dl_techniques import losses
from dl_techniques.losses import AccuracyLoss, AnyLoss, F1Loss, GeometricMeanLoss, MatthewsLoss
from tests._frameworks import double_precision
from tests.oracles.any_loss import (
    DECISIONS,
    EPSILON,
    PROBABILITIES,
    TARGETS,
    P,
    Y,
    geometric_mean_score,
    soft_loss,
    specificity_score,
    value,
    value_and_gradient,
)
from tests.oracles.compare import central_differences

SCORES = {
    losses.AccuracyLoss: metrics.accuracy_score,
    losses.BalancedAccuracyLoss: metrics.balanced_accuracy_score,
    losses.F1Loss: metrics.f1_score,
    losses.FBetaLoss: metrics.f1_score,
    losses.GeometricMeanLoss: geometric_mean_score,
    losses.JaccardLoss: metrics.jaccard_score,
    losses.MatthewsLoss: metrics.matthews_corrcoef,
    losses.PrecisionLoss: metrics.precision_score,
    losses.RecallLoss: metrics.recall_score,
    losses.SpecificityLoss: specificity_score,
}
NAMES = {
    losses.AccuracyLoss: "accuracy_loss",
    losses.BalancedAccuracyLoss: "balanced_accuracy_loss",
    losses.F1Loss: "f1_loss",
    losses.FBetaLoss: "fbeta_loss",
    losses.GeometricMeanLoss: "gmean_loss",
}


@keras.saving.register_keras_serializable(package="tests")
class YoudenLoss(AnyLoss):
    """As a user would write it."""

    def score(self, tn, fp, fn, tp):
        return tp / (tp + fn) + tn / (tn + fp) - 1.0


class AllLosses(keras.losses.Loss):
    """The sum of all: one graph, and not finite where one of them is not."""

    def __init__(self, dtype="float32", **arguments):
        super().__init__(dtype=dtype)
        self.losses = [cls(dtype=dtype, **arguments) for cls in SCORES]

    def call(self, y_true, y_pred):
        return sum(loss(y_true, y_pred) for loss in self.losses)


def approximated(*probabilities):
    return ops.convert_to_numpy(AccuracyLoss().approximate(ops.convert_to_tensor(np.float32(probabilities))))


def test_what_counts_as_class_1():
    halfway, below, above, low, high = approximated(0.5, 0.4, 0.6, 0.0, 1.0)
    np.testing.assert_allclose([halfway, below], [0.5, 6.7508e-4], rtol=1e-5)
    np.testing.assert_allclose([below + above, low + high], 1, rtol=1e-6)
    around = approximated(0.499, 0.501)
    np.testing.assert_allclose((around[1] - around[0]) / 0.002, 73 / 4, rtol=1e-3)


def test_the_slope_at_a_half():
    one = np.float32([0.5])
    _, gradient = value_and_gradient(lambda y, p: ops.sum(AccuracyLoss().approximate(p)), one, one)
    np.testing.assert_allclose(gradient, 18.25, rtol=1e-6)


def test_the_confusion_matrix_has_the_order_of_scikit_learn():
    arrays = [ops.convert_to_tensor(x) for x in (TARGETS, PROBABILITIES)]
    found = np.array([float(count) for count in AccuracyLoss().compute_confusion_matrix(*arrays)])
    np.testing.assert_allclose(found, [1.0000005, 0.9999995, 6.751827e-4, 1.999325], rtol=1e-6)
    np.testing.assert_array_equal(found.round(2), metrics.confusion_matrix(TARGETS, PROBABILITIES > 0.5).ravel())


@pytest.mark.parametrize("scale", [6.0, 73.0])
def test_oracle_in_double_precision(scale):
    """All of them, values and gradients; the targets are fractions too."""
    y, p = 0.2 + 0.6 * Y.astype("float64"), P.astype("float64")

    def oracle(y, p):
        return sum(soft_loss(score, y, p, scale) for score in SCORES.values())

    with double_precision():
        loss = AllLosses("float64", amplifying_scale=scale)
        found, gradient = value_and_gradient(loss, y, p, jit=keras.backend.backend() == "jax")
    assert found.dtype == gradient.dtype == np.float64
    np.testing.assert_allclose(found, oracle(y, p), rtol=1e-12)
    expected = central_differences(oracle, [y, p], 1, np.float64(1))
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8)


def test_logits_are_probabilities_of_their_sigmoid():
    x = np.linspace(-4, 4, len(Y)).astype("float32")
    of_logits, of_probabilities = AllLosses(from_logits=True), AllLosses()
    np.testing.assert_allclose(value(of_logits, Y, x), value(of_probabilities, Y, expit(x)), rtol=1e-5)


def test_on_as_many_positives_as_negatives_accuracy_is_balanced():
    accuracy, balanced_accuracy = ([value(cls(), y, P) for y in (np.arange(12) % 2, Y)] for cls in list(SCORES)[:2])
    np.testing.assert_allclose(accuracy[0], balanced_accuracy[0], rtol=1e-6)
    assert abs(accuracy[1] - balanced_accuracy[1]) > 1e-3


@pytest.mark.parametrize("from_logits", [False, True])
def test_values_and_gradients_are_finite_for_sure_predictions_and_one_class(from_logits):
    loss = AllLosses(from_logits=from_logits)
    for y in (Y, 0 * Y, 0 * Y + 1):
        for p in (Y, 1 - Y, 0 * Y, 0 * Y + 1, 1e30 * (1 - 2 * Y)):
            found, gradient = value_and_gradient(loss, y, p, jit=False)
            assert np.all(np.isfinite(found))
            assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("y", [0 * Y, 0 * Y + 1])
def test_what_remains_of_scores_of_one_class(y):
    """By scikit-learn, with 1e-7 of an example of each kind."""
    for decisions in (DECISIONS, y, 1 - y):
        expected = sum(soft_loss(score, y.astype("float64"), decisions) for score in SCORES.values())
        np.testing.assert_allclose(value(AllLosses(), y, decisions), expected, rtol=1e-6)


def test_nothing_is_right_of_all_wrong_decisions():
    """Of the square root of two rates that are zero nearly `sqrt(epsilon^2)` remains, and its gradient is finite."""
    found, gradient = value_and_gradient(GeometricMeanLoss(), Y, 1 - Y)
    np.testing.assert_allclose(found, 1 - EPSILON / np.sqrt(5 * 7), rtol=1e-7)
    assert np.all(np.isfinite(gradient))
    np.testing.assert_allclose(value(MatthewsLoss(), Y, 1 - Y), 2, rtol=1e-6)


def test_targets_and_probabilities_out_of_range_count_as_the_nearest():
    expected = value(AllLosses(), Y, DECISIONS)
    np.testing.assert_allclose(value(AllLosses(), 2 * Y - 1, DECISIONS), expected, rtol=1e-6)
    np.testing.assert_allclose(value(AllLosses(), 255 * Y, 3 * DECISIONS - 1), expected, rtol=1e-6)


def test_the_gradient_of_a_hard_target():
    """Is that of a target between, on all backends."""
    decided = AccuracyLoss(6.0).approximate(ops.convert_to_tensor(P))
    _, gradient = value_and_gradient(lambda p, y: AccuracyLoss(6.0)(y, p), P, Y)
    np.testing.assert_allclose(gradient, (1 - 2 * ops.convert_to_numpy(decided)) / 12, rtol=1e-4, atol=1e-6)


def test_the_shape_does_not_matter():
    folded = [x.reshape(2, 3, 2) for x in (Y, P)]
    np.testing.assert_allclose(value(AllLosses(), *folded), value(AllLosses(), Y, P), rtol=1e-6)


def test_matthews_does_not_overflow():
    class FarTooMany(MatthewsLoss):
        def compute_confusion_matrix(self, y_true, y_pred):
            return tuple(1e12 * count for count in super().compute_confusion_matrix(y_true, y_pred))

    np.testing.assert_allclose(value(FarTooMany(), Y, P), value(MatthewsLoss(), Y, P), rtol=1e-5)


def test_names():
    assert {cls: cls().name for cls in NAMES} == NAMES
    assert F1Loss(name="mine").name == "mine"


def test_the_base_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        AnyLoss()


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), "73"])
def test_the_scale_must_be_positive(scale):
    with pytest.raises(ValueError, match=r"`amplifying_scale` must be .* Received: amplifying_scale="):
        F1Loss(scale)


def test_labels_must_have_the_shape_of_predictions():
    with pytest.raises(ValueError, match=r"Received: y_true shape=\(12,\), y_pred shape=\(12, 1\)"):
        value(F1Loss(), Y, P[:, None])


def test_a_loss_of_the_users_own(tmp_path):
    loss = YoudenLoss(40.0)
    np.testing.assert_allclose(value(loss, Y, DECISIONS), 2 - 3 / 5 - 3 / 7, rtol=1e-6)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, "sigmoid")])
    model.layers[0].kernel.assign([[1.0]])
    model.compile(keras.optimizers.SGD(1.0), loss=loss)
    x, y = 6 * (P[:, None] - 0.6), (P[:, None] > 0.4).astype("float32")
    before = model.evaluate(x, y, batch_size=12, verbose=0)
    model.fit(x, y, batch_size=12, epochs=10, verbose=0)
    after = model.evaluate(x, y, batch_size=12, verbose=0)
    assert after < before / 2
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (type(loaded.loss), loaded.loss.amplifying_scale, loaded.loss.name) == (YoudenLoss, 40.0, loss.name)
    np.testing.assert_allclose(loaded.evaluate(x, y, batch_size=12, verbose=0), after, rtol=1e-5)
