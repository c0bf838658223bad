from sklearn.metrics import f1_score

from dl_techniques.losses import F1Loss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(F1Loss, f1_score, worked=0.200162)
