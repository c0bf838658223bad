from sklearn.metrics import jaccard_score

from dl_techniques.losses import JaccardLoss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(JaccardLoss, jaccard_score, worked=0.333558)
