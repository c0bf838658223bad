import numpy as np
import pytest

from dl_techniques.regularizers import EntropyRegularizer, get_entropy_regularizer
from tests.oracles import regularizers as oracles
from tests.oracles.compare import assert_same_penalty, penalty_and_gradient, values


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_oracle(axis):
    regularizer = EntropyRegularizer(strength=0.5, target_entropy=0.3, axis=axis)
    assert_same_penalty(
        regularizer, lambda w: oracles.entropy_penalty(w, strength=0.5, target=0.3, axis=axis), 3 * values(4, 3, 5)
    )


def penalty(w, **arguments):
    return penalty_and_gradient(EntropyRegularizer(**arguments), np.float32(w))[0]


def test_rows_without_preference_have_entropy_one():
    np.testing.assert_allclose(penalty(np.full((3, 8), 2.0), strength=2.0, target_entropy=0.75), 2 / 16, rtol=1e-5)


def test_one_huge_element_leaves_no_entropy():
    w = np.zeros((3, 8))
    w[:, 2] = 1000
    np.testing.assert_allclose(penalty(w, strength=2.0, target_entropy=0.5), 2 / 4, rtol=1e-6)
    assert np.all(np.isfinite(penalty_and_gradient(EntropyRegularizer(), np.float32(w))[1]))


def test_signs_do_not_matter():
    w = 3 * values(4, 8)
    assert penalty(-w) == penalty(w) == penalty(np.abs(w))


def test_ordinary_weights_are_nearly_alike_to_it():
    entropy = 1 - np.sqrt(penalty(0.05 * values(64, 64), strength=1.0, target_entropy=1.0))
    assert 0.999 < entropy < 1


def test_an_axis_of_size_one_costs_nothing():
    assert penalty(values(4, 1), strength=1.0) == 0


def test_the_axis_must_exist():
    with pytest.raises(ValueError, match=r"`axis` must lie in.* Received: axis=2"):
        EntropyRegularizer(axis=2)(values(3, 4))


@pytest.mark.parametrize(("mode", "target"), [("low", 0.2), ("medium", 0.5), ("high", 0.8)])
def test_targets_by_name(mode, target):
    regularizer = get_entropy_regularizer(mode, strength=0.3)
    assert (regularizer.target_entropy, regularizer.strength) == (target, 0.3)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match=r"`mode` must be one of .* Received: mode='Low'"):
        get_entropy_regularizer("Low")
