import numpy as np
import pytest

from dl_techniques import losses
from dl_techniques.losses import create_loss_function
from tests.oracles.segmentation import masks, predictions, value

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


@pytest.mark.parametrize("name", sorted(CLASSES.keys() - {"signed_distance_boundary"}))
def test_a_perfect_prediction_costs_nothing(name):
    assert not np.any(value(create_loss_function(name), masks(), masks()))


@pytest.mark.parametrize("name", ["dice", "cross_entropy"])
def test_what_is_no_probability_counts_as_the_nearest_one(name):
    outside, loss = 3 * predictions() - 1, create_loss_function(name)
    assert outside.min() < 0 < 1 < outside.max()
    np.testing.assert_allclose(value(loss, masks(), outside), value(loss, masks(), outside.clip(0, 1)), rtol=1e-6)


def test_an_unknown_name_is_rejected():
    with pytest.raises(ValueError, match=r"`name` must be one of \['boundary'.*Received: name='jaccard'"):
        create_loss_function("jaccard")
