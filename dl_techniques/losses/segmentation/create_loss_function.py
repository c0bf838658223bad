from typing import Any

import keras

from dl_techniques._checks import check_choice
from dl_techniques.losses.segmentation.boundary_loss import BoundaryLoss
from dl_techniques.losses.segmentation.combo_loss import ComboLoss
from dl_techniques.losses.segmentation.dice_loss import DiceLoss
from dl_techniques.losses.segmentation.focal_loss import FocalLoss
from dl_techniques.losses.segmentation.focal_tversky_loss import FocalTverskyLoss
from dl_techniques.losses.segmentation.hausdorff_loss import HausdorffLoss
from dl_techniques.losses.segmentation.lovasz_softmax_loss import LovaszSoftmaxLoss
from dl_techniques.losses.segmentation.segmentation_cross_entropy_loss import SegmentationCrossEntropyLoss
from dl_techniques.losses.segmentation.signed_distance_boundary_loss import SignedDistanceBoundaryLoss
from dl_techniques.losses.segmentation.tversky_loss import TverskyLoss

_LOSSES = {
    "boundary": BoundaryLoss,
    "combo": ComboLoss,
    "cross_entropy": SegmentationCrossEntropyLoss,
    "dice": DiceLoss,
    "focal": FocalLoss,
    "focal_tversky": FocalTverskyLoss,
    "hausdorff": HausdorffLoss,
    "lovasz": LovaszSoftmaxLoss,
    "signed_distance_boundary": SignedDistanceBoundaryLoss,
    "tversky": TverskyLoss,
}


def create_loss_function(name: str, /, **arguments: Any) -> keras.losses.Loss:
    """Makes a segmentation loss of its short name.

    Args:
        name: "boundary", "combo", "cross_entropy", "dice", "focal", "focal_tversky", "hausdorff", "lovasz",
            "signed_distance_boundary" or "tversky".
        **arguments: those of the class.

    Returns:
        The loss.

    Example:

    >>> loss = create_loss_function("tversky", beta=0.8, from_logits=True)
    >>> loss.name, loss.alpha, loss.beta
    ('tversky_loss', 0.3, 0.8)
    """
    check_choice(_LOSSES, name=name)
    return _LOSSES[name](**arguments)
