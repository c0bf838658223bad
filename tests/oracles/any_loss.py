"""scikit-learn's scores of fractions of decisions: the weight of an example says how much of it is decided so."""

import keras
import numpy as np
from keras import ops
from scipy.special import expit
from sklearn.metrics import recall_score

from tests._frameworks import value_and_gradients
from tests.oracles.compare import GRADIENT_UNITS, OUTPUT_UNITS, assert_accurate, central_differences

EPSILON = 1e-7
# The example of the fact sheet: two positives, two negatives, one of them taken for a positive.
TARGETS, PROBABILITIES = np.float32([1, 1, 0, 0]), np.float32([0.9, 0.6, 0.2, 0.7])
# Twelve examples, of which five are positive.
Y = np.float32([1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0])
P = np.float32([0.7, 0.1, 0.45, 0.9, 0.6, 0.35, 0.3, 0.2, 0.55, 0.8, 0.5, 0.05])
# For these 3 true and 2 false negatives, 4 false and 3 true positives.
DECISIONS = np.float32([1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0])


def specificity_score(y_true, y_pred, sample_weight=None):
    return recall_score(y_true, y_pred, pos_label=0, sample_weight=sample_weight)


def geometric_mean_score(y_true, y_pred, sample_weight=None):
    rates = [recall_score(y_true, y_pred, pos_label=label, sample_weight=sample_weight) for label in (0, 1)]
    return np.sqrt(rates[0] * rates[1])


def soft_loss(score, y, p, scale=73.0):
    """Han et al., arXiv:2405.14745, section 3, with 1e-7 of an example more of each kind."""
    y, a = np.ravel(y), expit(scale * (np.ravel(p) - 0.5))
    kinds = {(0, 0): (1 - y) * (1 - a), (0, 1): (1 - y) * a, (1, 0): y * (1 - a), (1, 1): y * a}
    truths, decisions = zip(*kinds, strict=True)
    return 1 - score(truths, decisions, sample_weight=[np.sum(part) + EPSILON for part in kinds.values()])


def cross_entropy(y, p):
    return -np.mean(y * np.log(p) + (1 - y) * np.log1p(-p))


def value(loss, y, p) -> float:
    return float(loss(ops.convert_to_tensor(y), ops.convert_to_tensor(p)))


def value_and_gradient(loss, y, p, *, jit=False):
    """The gradient is that of the predictions."""
    y = ops.convert_to_tensor(y)
    layer = keras.layers.Lambda(lambda p: loss(y, p), dtype=str(p.dtype))
    (found,), (gradient,) = value_and_gradients(layer, [p], [p.dtype.type(1)], training=True, jit=jit)
    return ops.convert_to_numpy(found), ops.convert_to_numpy(gradient)


def assert_same_loss(loss, oracle, y=Y, p=P) -> None:
    """Value and gradient equal those of `oracle(y, p)`."""
    y, p = np.float32(y), np.float32(p)
    # JAX compiles a function faster than its operations one by one.
    found, gradient = value_and_gradient(loss, y, p, jit=keras.backend.backend() == "jax")
    exact = y.astype("float64"), p.astype("float64")
    assert_accurate(found, oracle(*exact), OUTPUT_UNITS)
    assert_accurate(gradient, central_differences(oracle, exact, 1, np.float64(1)), GRADIENT_UNITS)


def assert_follows(loss_class, score, worked: float, **arguments) -> None:
    """Gentle decisions as the formula says, hard ones as scikit-learn says, and the example of the fact sheet."""
    assert_same_loss(loss_class(amplifying_scale=6.0, **arguments), lambda y, p: soft_loss(score, y, p, 6.0))
    loss = loss_class(**arguments)
    for decisions in (DECISIONS, Y):
        np.testing.assert_allclose(value(loss, Y, decisions), 1 - score(Y, decisions), atol=1e-6)
    np.testing.assert_allclose(value(loss, TARGETS, PROBABILITIES), worked, atol=5e-7)
