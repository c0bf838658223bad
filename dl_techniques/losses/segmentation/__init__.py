from dl_techniques.losses.segmentation.boundary_loss import BoundaryLoss as BoundaryLoss
from dl_techniques.losses.segmentation.combo_loss import ComboLoss as ComboLoss
from dl_techniques.losses.segmentation.create_loss_function import create_loss_function as create_loss_function
from dl_techniques.losses.segmentation.dice_loss import DiceLoss as DiceLoss
from dl_techniques.losses.segmentation.focal_loss import FocalLoss as FocalLoss
from dl_techniques.losses.segmentation.focal_tversky_loss import FocalTverskyLoss as FocalTverskyLoss
from dl_techniques.losses.segmentation.hausdorff_loss import HausdorffLoss as HausdorffLoss
from dl_techniques.losses.segmentation.lovasz_softmax_loss import LovaszSoftmaxLoss as LovaszSoftmaxLoss
from dl_techniques.losses.segmentation.segmentation_cross_entropy_loss import (
    SegmentationCrossEntropyLoss as SegmentationCrossEntropyLoss,
)
from dl_techniques.losses.segmentation.signed_distance_boundary_loss import (
    SignedDistanceBoundaryLoss as SignedDistanceBoundaryLoss,
)
from dl_techniques.losses.segmentation.tversky_loss import TverskyLoss as TverskyLoss
