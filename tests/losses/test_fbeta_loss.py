from functools import partial

import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from dl_techniques.losses import F1Loss, FBetaLoss, PrecisionLoss, RecallLoss
from tests.oracles.any_loss import P, Y, assert_follows, value


@pytest.mark.parametrize(("beta", "worked"), [(2.0, 0.091160), (0.5, 0.285818)])
def test_oracle(beta, worked):
    assert_follows(FBetaLoss, partial(fbeta_score, beta=beta), worked, beta=beta)


@pytest.mark.parametrize(("beta", "other"), [(1.0, F1Loss), (1e-30, PrecisionLoss), (1e30, RecallLoss)])
def test_is_another_loss_for_some_beta(beta, other):
    np.testing.assert_allclose(value(FBetaLoss(beta), Y, P), value(other(), Y, P), rtol=1e-6)
