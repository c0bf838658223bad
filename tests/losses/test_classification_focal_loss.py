import keras
import numpy as np
import pytest

from dl_techniques.losses import ClassificationFocalLoss
from tests.losses._judged import judge
from tests.oracles.activations import sigmoid
from tests.oracles.compare import assert_accurate, values
from tests.oracles.detection import focal

TARGET = (values(5, 4, seed=1) > 0).astype("float32")


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.6, 0.5)])
def test_value_and_gradient_are_those_of_the_paper(alpha, gamma):
    logits, step = 3 * values(5, 4), 1e-6
    value, gradient = judge(ClassificationFocalLoss(alpha, gamma))(TARGET, logits)

    def expected(x):
        return focal(TARGET, sigmoid(x), alpha=alpha, gamma=gamma)

    x = logits.astype("float64")
    assert_accurate(value, np.mean(expected(x)))
    assert_accurate(gradient, (expected(x + step) - expected(x - step)) / (2 * step) / x.size, 28)


def test_probabilities_as_keras_has_them():
    p = sigmoid(values(5, 4))
    ours = ClassificationFocalLoss(0.4, 1.5, from_logits=False)
    theirs = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.4, gamma=1.5)
    np.testing.assert_allclose(judge(ours)(TARGET, p)[0], float(theirs(TARGET, p)), rtol=1e-6)


def test_sure_mistakes_cost_what_they_are():
    value, gradient = judge(ClassificationFocalLoss())([[1.0, 0.0]], [[-50.0, 40.0]])
    np.testing.assert_allclose(value, (0.25 * 50 + 0.75 * 40) / 2, rtol=1e-6)
    np.testing.assert_allclose(gradient, [[-0.125, 0.375]], rtol=1e-5)
