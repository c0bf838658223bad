from sklearn.metrics import balanced_accuracy_score

from dl_techniques.losses import BalancedAccuracyLoss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(BalancedAccuracyLoss, balanced_accuracy_score, worked=0.250169)
