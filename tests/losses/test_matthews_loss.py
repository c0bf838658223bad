import numpy as np
from sklearn.metrics import matthews_corrcoef

from dl_techniques.losses import MatthewsLoss
from tests.oracles.any_loss import Y, assert_follows, value


def test_oracle():
    assert_follows(MatthewsLoss, matthews_corrcoef, worked=0.423169)


def test_zero_over_zero():
    """The values of the docstring; the gradients are those of all losses, in `test_any_loss.py`."""
    loss, no, yes = MatthewsLoss(), 0 * Y, 0 * Y + 1
    np.testing.assert_allclose([value(loss, Y, no), value(loss, Y, yes)], 1, atol=np.sqrt(1e-7))
    np.testing.assert_allclose([value(loss, no, no), value(loss, yes, yes)], 0.5, rtol=1e-5)
    np.testing.assert_allclose([value(loss, no, yes), value(loss, yes, no)], 1.5, rtol=1e-5)
