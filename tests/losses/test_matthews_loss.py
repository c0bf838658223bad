from sklearn.metrics import matthews_corrcoef

from dl_techniques.losses import MatthewsLoss
from tests.oracles.any_loss import assert_follows


def test_oracle():
    assert_follows(MatthewsLoss, matthews_corrcoef, worked=0.423169)
