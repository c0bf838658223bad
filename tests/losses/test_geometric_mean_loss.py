from dl_techniques.losses import GeometricMeanLoss
from tests.oracles.any_loss import assert_follows, geometric_mean_score


def test_oracle():
    assert_follows(GeometricMeanLoss, geometric_mean_score, worked=0.293012)
