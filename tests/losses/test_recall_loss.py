from sklearn.metrics import recall_score

from dl_techniques.losses import RecallLoss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(RecallLoss, recall_score, worked=0.000338)
