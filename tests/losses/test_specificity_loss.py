from dl_techniques.losses import SpecificityLoss
from tests.oracles.any_loss import assert_follows, specificity_score


def test_oracle():
    assert_follows(SpecificityLoss, specificity_score, worked=0.5)
