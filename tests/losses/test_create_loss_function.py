import numpy as np
import pytest

from dl_techniques import losses
from dl_techniques.losses import create_loss_function
from tests.oracles.segmentation import masks, value

CLASSES = {
    "cross_entropy": losses.SegmentationCrossEntropyLoss,
    "dice": losses.DiceLoss,
    "focal": losses.FocalLoss,
    "tversky": losses.TverskyLoss,
    "focal_tversky": losses.FocalTverskyLoss,
    "lovasz": losses.LovaszSoftmaxLoss,
    "combo": losses.ComboLoss,
    "boundary": losses.BoundaryLoss,
    "hausdorff": losses.HausdorffLoss,
    "signed_distance_boundary": losses.SignedDistanceBoundaryLoss,
}


@pytest.mark.parametrize("name", CLASSES)
def test_each_name_has_its_class(name):
    loss = create_loss_function(name, from_logits=True, name="mine")
    assert type(loss) is CLASSES[name]
    assert loss.from_logits
    assert loss.name == "mine"


@pytest.mark.parametrize("name", CLASSES.keys() - {"signed_distance_boundary"})
def test_a_perfect_prediction_costs_nothing(name):
    assert not np.any(value(create_loss_function(name), masks(), masks()))


def test_an_unknown_name_is_rejected():
    with pytest.raises(ValueError, match=r"`name` must be one of \['boundary'.*Received: name='jaccard'"):
        create_loss_function("jaccard")
