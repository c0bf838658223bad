import numpy as np
import pytest

from dl_techniques.regularizers import BinaryPreferenceRegularizer
from tests.oracles import regularizers as oracles
from tests.oracles.compare import assert_same_penalty, penalty_and_gradient, values


@pytest.mark.parametrize(("multiplier", "scale"), [(1.0, 1.0), (0.5, 2.0)])
def test_oracle(multiplier, scale):
    regularizer = BinaryPreferenceRegularizer(multiplier, scale)
    assert_same_penalty(
        regularizer, lambda w: oracles.binary_preference(w, multiplier=multiplier, scale=scale), values(4, 6)
    )


@pytest.mark.parametrize(("w", "value"), [(0.0, 0), (0.5, 1), (1.0, 0), (-0.5, 9), (1.5, 9)])
def test_known_numbers(w, value):
    found, _ = penalty_and_gradient(BinaryPreferenceRegularizer(), np.full((2, 3), w, "float32"))
    np.testing.assert_allclose(found, value, rtol=1e-6)


@pytest.mark.parametrize("w", [0.0, 0.5, 1.0])
def test_the_gradient_vanishes_at_the_states_and_between_them(w):
    _, gradient = penalty_and_gradient(BinaryPreferenceRegularizer(), np.full((2, 3), w, "float32"))
    np.testing.assert_array_equal(gradient, 0)


def test_is_symmetric_around_a_half():
    w = values(4, 6)
    mirrored, direct = (penalty_and_gradient(BinaryPreferenceRegularizer(), x)[0] for x in (1 - w, w))
    np.testing.assert_allclose(mirrored, direct, rtol=1e-5)


def test_multiplier_zero_switches_it_off():
    assert penalty_and_gradient(BinaryPreferenceRegularizer(0.0), values(4, 6))[0] == 0
