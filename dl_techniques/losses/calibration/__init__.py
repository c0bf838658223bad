from dl_techniques.losses.calibration.brier_score_loss import BrierScoreLoss as BrierScoreLoss
from dl_techniques.losses.calibration.combined_calibration_loss import (
    CombinedCalibrationLoss as CombinedCalibrationLoss,
)
from dl_techniques.losses.calibration.spiegelhalter_z_loss import SpiegelhalterZLoss as SpiegelhalterZLoss
