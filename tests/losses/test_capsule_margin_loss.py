import keras
import numpy as np
import pytest
from keras import ops

from dl_techniques.losses import CapsuleMarginLoss, analyze_margin_loss_components, capsule_margin_loss
from tests.oracles.compare import assert_accurate, assert_same_function

RNG = np.random.default_rng(0)
LENGTHS = RNG.uniform(0, 1, (6, 4)).astype("float32")
# Several classes at once, and none.
PRESENT = np.float32([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]])


def margin_terms(y, v, high, low, weight):
    """Sabour et al., arXiv:1710.09829, equation 4: what present and absent classes cost."""
    return y * np.maximum(0, high - v) ** 2, weight * (1 - y) * np.maximum(0, v - low) ** 2


def found(loss, y, v):
    return ops.convert_to_numpy(loss(ops.convert_to_tensor(y), ops.convert_to_tensor(v)))


def test_formula_of_the_paper():
    for high, low, weight in ((0.9, 0.1, 0.5), (0.7, 0.25, 1.0)):
        expected = np.add(*margin_terms(PRESENT, LENGTHS.astype("float64"), high, low, weight)).sum(axis=-1)
        loss = CapsuleMarginLoss(high, low, downweight=weight, reduction="none")
        assert_accurate(found(loss, PRESENT, LENGTHS), expected)
        per_example = capsule_margin_loss(
            PRESENT, LENGTHS, positive_margin=high, negative_margin=low, downweight=weight
        )
        assert_accurate(ops.convert_to_numpy(per_example), expected)
    assert_accurate(found(CapsuleMarginLoss(0.7, 0.25, downweight=1.0), PRESENT, LENGTHS), expected.mean())


def test_gradient():
    layer = keras.layers.Lambda(lambda v: CapsuleMarginLoss().call(ops.convert_to_tensor(PRESENT), v))
    assert_same_function(layer, lambda v: np.add(*margin_terms(PRESENT, v, 0.9, 0.1, 0.5)).sum(axis=-1), LENGTHS)


def test_known_values():
    y, v = np.zeros((2, 6, 4), "float32")
    y[:3, 0] = 1
    v[:3, :3] = [[0.95, 0.05, 0.3], [0.4, 0.6, 0.1], [0.9, 0.1, 0.0]]
    expected = [0.02, 0.375, 0, 0, 0, 0]
    np.testing.assert_allclose(ops.convert_to_numpy(capsule_margin_loss(y, v)), expected, atol=1e-7)


def test_several_axes_of_examples():
    loss = found(CapsuleMarginLoss(reduction="none"), PRESENT, LENGTHS)
    many = [x.reshape(2, 3, 4) for x in (PRESENT, LENGTHS)]
    np.testing.assert_array_equal(found(CapsuleMarginLoss(reduction="none"), *many), loss.reshape(2, 3))


def test_lengths_far_outside_of_the_margins_are_no_nan():
    y, v = np.zeros((2, 6, 4), "float32")
    y[:, 0] = 1
    v[:, :2] = 3 * [[1e30, -1e30], [-1e30, 1e30]]
    np.testing.assert_array_equal(ops.convert_to_numpy(capsule_margin_loss(y, v)), 3 * [0, np.inf])


def test_analysis():
    high, low, weight = 0.8, 0.2, 0.25
    loss_fn = CapsuleMarginLoss(high, low, downweight=weight)
    parts = analyze_margin_loss_components(loss_fn, PRESENT, LENGTHS)
    positive, negative = (t.sum() / 6 for t in margin_terms(PRESENT, LENGTHS.astype("float64"), high, low, weight))
    present, absent = LENGTHS[PRESENT == 1], LENGTHS[PRESENT == 0]
    expected = {
        "total_loss": positive + negative,
        "positive_loss": positive,
        "negative_loss": negative,
        "positive_contribution": 100 * positive / (positive + negative),
        "negative_contribution": 100 * negative / (positive + negative),
        "average_present_length": present.mean(),
        "average_absent_length": absent.mean(),
        "margin_gap": present.mean() - absent.mean(),
        "present_below_margin": np.mean(present < high),
        "absent_above_margin": np.mean(absent > low),
    }
    assert parts == pytest.approx(expected, rel=1e-6)
    assert parts["total_loss"] == pytest.approx(found(loss_fn, PRESENT, LENGTHS), rel=1e-6)


@pytest.mark.parametrize("examples", [0, 6])
def test_analysis_of_nothing(examples):
    """No examples, or no absent class and no loss."""
    ones = np.ones((examples, 4), "float32")
    parts = analyze_margin_loss_components(CapsuleMarginLoss(), ones, ones)
    length = 1.0 if examples else 0.0
    assert parts == {**dict.fromkeys(parts, 0.0), "average_present_length": length, "margin_gap": length}


def test_arguments_that_make_little_sense_are_warned_of():
    with pytest.warns(UserWarning, match=r"Received: positive_margin=0\.5, negative_margin=0\.25"):
        CapsuleMarginLoss(0.5, 0.25)
    with pytest.warns(UserWarning, match=r"Received: downweight=0\.05"):
        CapsuleMarginLoss(downweight=0.05)


def test_the_function_checks_its_arguments_too():
    with pytest.raises(ValueError, match=r"Received: positive_margin=0\.1, negative_margin=0\.1"):
        capsule_margin_loss(PRESENT, LENGTHS, positive_margin=0.1)
    with pytest.raises(ValueError, match=r"Received: y_true shape=\(6, 4\), y_pred shape=\(6, 3\)"):
        capsule_margin_loss(PRESENT, LENGTHS[:, :3])
