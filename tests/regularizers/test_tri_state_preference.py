import numpy as np
import pytest

from dl_techniques.regularizers import TriStatePreferenceRegularizer
from tests.oracles import regularizers as oracles
from tests.oracles.compare import assert_same_penalty, penalty_and_gradient, values


@pytest.mark.parametrize(("multiplier", "scale"), [(1.0, 1.0), (0.5, 2.0)])
def test_oracle(multiplier, scale):
    regularizer = TriStatePreferenceRegularizer(multiplier, scale)
    assert_same_penalty(
        regularizer, lambda w: oracles.tri_state_preference(w, multiplier=multiplier, scale=scale), values(4, 6)
    )


@pytest.mark.parametrize(
    ("w", "value"), [(-1.0, 0), (0.0, 0), (1.0, 0), (-0.5, 1), (0.5, 1), (3**-0.5, 256 / 243), (-(3**-0.5), 256 / 243)]
)
def test_known_numbers(w, value):
    found, _ = penalty_and_gradient(TriStatePreferenceRegularizer(), np.full((2, 3), w, "float32"))
    np.testing.assert_allclose(found, value, rtol=1e-6)


def test_is_highest_at_one_over_the_root_of_three():
    _, gradient = penalty_and_gradient(TriStatePreferenceRegularizer(), np.float32([3**-0.5]))
    np.testing.assert_allclose(gradient, 0, atol=1e-5)


def test_is_even():
    w = values(4, 6)
    assert np.equal(*(penalty_and_gradient(TriStatePreferenceRegularizer(), x)[0] for x in (-w, w)))
