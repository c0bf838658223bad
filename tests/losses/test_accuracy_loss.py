from sklearn.metrics import accuracy_score

from dl_techniques.losses import AccuracyLoss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(AccuracyLoss, accuracy_score, worked=0.250169)
