from sklearn.metrics import precision_score

from dl_techniques.losses import PrecisionLoss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(PrecisionLoss, precision_score, worked=0.333408)
